"""What every serializer of frames is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    Frame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat_rs.utils.base_object import BaseObject

if TYPE_CHECKING:
    from pipecat_rs import _core
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup

RTVI_LABEL = "rtvi-ai"
"""The label of messages between bots and pipecat's client libraries."""


class FrameSerializer(BaseObject):
    """Turns frames into the messages of a format, and messages into frames.

    Subclasses override `serialize` and `deserialize`. The formats of this package are native, and
    a native connection runs them without Python.
    """

    @dataclass(kw_only=True)
    class InputParams:
        """Parameters of all serializers.

        Attributes:
            ignore_rtvi_messages: Whether messages of pipecat's client libraries stay off the wire.
            resampler_clear_after_secs: After so long without audio to the peer, in seconds, a
                resampler forgets what it still holds; None for never.
        """

        ignore_rtvi_messages: bool = True
        resampler_clear_after_secs: float | None = 0.2

    def __init__(self, params: InputParams | None = None, **kwargs: Any) -> None:
        """Make a serializer.

        Args:
            params: Its parameters.
            **kwargs: For the base class, such as ``name``.
        """
        super().__init__(**kwargs)
        self._params: Any = params or FrameSerializer.InputParams()

    def should_ignore_frame(self, frame: Frame) -> bool:
        """Return whether a frame stays off the wire.

        Args:
            frame: The frame.
        """
        if not self._params.ignore_rtvi_messages:
            return False
        if not isinstance(frame, OutputTransportMessageFrame | OutputTransportMessageUrgentFrame):
            return False
        return isinstance(frame.message, dict) and frame.message.get("label") == RTVI_LABEL

    async def setup(  # pyright: ignore[reportIncompatibleMethodOverride] - as in pipecat
        self, setup: FrameProcessorSetup
    ) -> None:
        """Learn the pipeline's sample rates. Called before the first frame.

        Args:
            setup: What processors are given before they start.
        """

    @abstractmethod
    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Return the message that carries a frame.

        Args:
            frame: The frame.

        Returns:
            The message, or None if there is nothing to send: not for this frame, or not yet.
        """

    @abstractmethod
    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Return the frame that a message carries.

        Args:
            data: The message.

        Returns:
            The frame, or None if the message has none.
        """

    def _native(self) -> _core.WireSerializer | None:
        """The format, if a native connection can run it: nothing of Python's has a say in it."""
        return None
