"""Puts the keys that a user presses together into a transcription."""

from __future__ import annotations

from typing import Any

from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputDTMFFrame,
    TranscriptionFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.restartable_timer import RestartableTimer
from pipecat_rs.utils.time import time_now_iso8601


class DTMFAggregator(FrameProcessor):
    """Pushes a TranscriptionFrame for a sequence of keys.

    A sequence ends with the termination key, with a time without a key, and with the EndFrame or
    CancelFrame. Its first key interrupts the bot. All frames pass.
    """

    handles = (InputDTMFFrame,)

    def __init__(
        self,
        timeout: float = 2.0,
        termination_digit: KeypadEntry = KeypadEntry.POUND,
        prefix: str = "DTMF: ",
        **kwargs: Any,
    ) -> None:
        """Make an aggregator.

        Args:
            timeout: Time without a key that ends a sequence, in seconds.
            termination_digit: The key that ends a sequence; it is part of it.
            prefix: What stands before the keys in the transcription.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._timeout = timeout
        self._termination_digit = termination_digit
        self._prefix = prefix
        self._aggregation = ""
        self._timer = RestartableTimer(self, self._flush, "dtmf-timeout")

    async def cleanup(self) -> None:
        """Stop waiting for keys."""
        await super().cleanup()
        self._timer.cancel()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Gather a key, and pass the frame on.

        Args:
            frame: The frame.
            direction: Which way it travels; transcriptions are pushed downstream.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, (EndFrame, CancelFrame)):
            await self._flush()
        await self.push_frame(frame, direction)
        if isinstance(frame, InputDTMFFrame):
            await self._add(frame.button)

    async def _add(self, button: KeypadEntry) -> None:
        is_first = not self._aggregation
        self._aggregation += button.value
        if is_first:
            await self.broadcast_interruption()
        if button == self._termination_digit:
            await self._flush()
        else:
            self._timer.start(self._timeout)

    async def _flush(self) -> None:
        self._timer.cancel()
        sequence, self._aggregation = self._aggregation, ""
        if sequence:
            await self.push_frame(
                TranscriptionFrame(
                    text=f"{self._prefix}{sequence}",
                    user_id="",
                    timestamp=time_now_iso8601(),
                    finalized=True,
                )
            )
