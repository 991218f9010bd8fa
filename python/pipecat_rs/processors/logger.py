"""A processor that logs the frames which pass."""

from __future__ import annotations

import logging

from pipecat_rs.frames.frames import (
    BotSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    UserSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor

_logger = logging.getLogger(__name__)

_COLORS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_RESET = "\x1b[0m"


class FrameLogger(FrameProcessor):
    """Logs each frame at level DEBUG, ``>`` downstream and ``<`` upstream, and passes it on."""

    def __init__(
        self,
        prefix: str = "Frame",
        color: str | None = None,
        ignored_frame_types: tuple[type[Frame], ...] = (
            BotSpeakingFrame,
            UserSpeakingFrame,
            InputAudioRawFrame,
            OutputAudioRawFrame,
        ),
    ) -> None:
        """Make a logger.

        Args:
            prefix: What stands before each frame.
            color: black, red, green, yellow, blue, magenta, cyan or white, also as
                ``light-red`` and so on, for a terminal. None, or any other, for no colour.
            ignored_frame_types: Classes whose frames are not logged, subclasses included.
        """
        super().__init__()
        self._prefix = prefix
        self._ignored_frame_types = ignored_frame_types
        start = _escape_sequence(color)
        self._format = f"{start}%s %s: %s{_RESET}" if start else "%s %s: %s"

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Log a frame and pass it on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if not isinstance(frame, self._ignored_frame_types):
            arrow = "<" if direction is FrameDirection.UPSTREAM else ">"
            _logger.debug(self._format, arrow, self._prefix, frame)
        await self.push_frame(frame, direction)


def _escape_sequence(color: str | None) -> str:
    """Return what turns a colour on in a terminal, empty if it is not known."""
    name = (color or "").lower()
    plain = name.removeprefix("light-")
    if plain not in _COLORS:
        return ""
    first = 30 if plain == name else 90
    return f"\x1b[{first + _COLORS.index(plain)}m"
