"""Replacements of the application's own."""

from __future__ import annotations

import re

from pipecat_rs.frames.text import TextType
from pipecat_rs.utils.text.transforms.text_transform import TextTransform

__all__ = ["replace_text"]


def replace_text(replacements: list[tuple[str, str]]) -> TextTransform:
    r"""Return a transform that applies rules such as ``(r"\bDr\.", "Doctor")``, in their order.

    Args:
        replacements: Regular expressions, each with what comes in place of its matches, as for
            `re.sub`.

    Raises:
        re.error: If an expression is not valid.
    """
    rules = [(re.compile(pattern), replacement) for pattern, replacement in replacements]

    async def transform(text: str, text_type: str | TextType) -> str:
        for pattern, replacement in rules:
            text = pattern.sub(replacement, text)
        return text

    return transform
