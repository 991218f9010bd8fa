"""A gate that holds frames back while it is closed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pipecat_rs.frames.frames import Frame, SystemFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

_logger = logging.getLogger(__name__)


class GatedAggregator(FrameProcessor):
    """Holds frames of one direction from the frame that closes the gate to the one that opens it.

    The frame that opens the gate goes first, then the held ones in order; the frame that closes it
    is the first held one. System frames and the other direction always pass. An EndFrame is held
    like any other: the functions have to let it pass if the gate may be closed at the end.
    """

    def __init__(
        self,
        gate_open_fn: Callable[[Frame], bool],
        gate_close_fn: Callable[[Frame], bool],
        start_open: bool,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
    ) -> None:
        """Make a gate.

        Args:
            gate_open_fn: Says whether a frame opens the gate; asked while it is closed.
            gate_close_fn: Says whether a frame closes the gate; asked while it is open.
            start_open: Whether the gate is open at first.
            direction: Which way frames are held.
        """
        super().__init__()
        self._gate_open_fn = gate_open_fn
        self._gate_close_fn = gate_close_fn
        self._gate_open = start_open
        self._direction = direction
        self._held: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on, or hold it.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, SystemFrame) or direction is not self._direction:
            await self.push_frame(frame, direction)
            return
        self._ask_gate(frame)
        if not self._gate_open:
            self._held.append(frame)
            return
        held, self._held = self._held, []
        await self.push_frame(frame, direction)
        for earlier in held:
            await self.push_frame(earlier, direction)

    def _ask_gate(self, frame: Frame) -> None:
        turns = self._gate_close_fn if self._gate_open else self._gate_open_fn
        if turns(frame):
            self._gate_open = not self._gate_open
            _logger.debug(
                "%s: gate %s by %s", self, "opened" if self._gate_open else "closed", frame
            )
