"""Changes text on its way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from pipecat_rs.frames.frames import Frame, TextFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor


class StatelessTextTransformer(FrameProcessor):
    """Pushes for each TextFrame a new one downstream with what a function makes of its text.

    All other frames pass.
    """

    handles = (TextFrame,)

    def __init__(
        self, transform_fn: Callable[[str], str] | Callable[[str], Coroutine[None, None, str]]
    ) -> None:
        """Make a transformer.

        Args:
            transform_fn: The function, plain or async.
        """
        super().__init__()
        self._transform_fn = transform_fn

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Push the changed text in place of a text, and pass other frames on.

        Args:
            frame: The frame.
            direction: Which way it travels; text is pushed downstream.
        """
        await super().process_frame(frame, direction)
        if not isinstance(frame, TextFrame):
            await self.push_frame(frame, direction)
            return
        text = self._transform_fn(frame.text)
        if isinstance(text, Coroutine):
            text = await text
        await self.push_frame(TextFrame(text=text))
