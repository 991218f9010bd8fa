"""Processors that have functions of the application change text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipecat_rs.frames.text import TextType
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.utils.errors import ErrorCategory
from pipecat_rs.utils.text.transforms.text_transform import TextTransform


class TextTransforming(FrameProcessor):
    """Base of a processor that changes text: functions, each for a type of text, one by one."""

    def __init__(
        self,
        *,
        text_transforms: Iterable[tuple[TextType | str, TextTransform]] | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a processor.

        Args:
            text_transforms: The functions, each behind the type of text it is for, or ``*``.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._text_transforms = list(text_transforms or ())

    def add_text_transformer(
        self, transform_function: TextTransform, text_type: TextType | str = "*"
    ) -> None:
        """Add a function that changes text.

        Args:
            transform_function: Called with text and type, and awaited.
            text_type: The type of text it is for, or ``*``.
        """
        self._text_transforms.append((text_type, transform_function))

    def remove_text_transformer(
        self, transform_function: TextTransform, text_type: TextType | str = "*"
    ) -> None:
        """Remove such a function, if it is there.

        Args:
            transform_function: The function.
            text_type: The type of text it was added for.
        """
        entry = (text_type, transform_function)
        self._text_transforms = [t for t in self._text_transforms if t != entry]

    async def _transformed(self, text: str, text_type: TextType | str) -> str | None:
        """Return a text as it is to be, or None if changing it failed."""
        try:
            return await self._change(text, text_type)
        except Exception as error:
            # What a function was to remove must not get through, so nothing does.
            await self.push_error(
                f"{self}: changing the text {text!r} failed: {error}",
                exception=error,
                category=ErrorCategory.APPLICATION,
            )
            return None

    async def _change(self, text: str, text_type: TextType | str) -> str:
        for wanted, transform in self._text_transforms:
            if wanted in (text_type, "*") and self._applies(transform):
                text = await transform(text, text_type)
        return text

    def _applies(self, transform: TextTransform) -> bool:
        """Return whether a function is to be used now."""
        return True
