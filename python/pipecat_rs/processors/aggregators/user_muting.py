"""Times in which the user is not listened to."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from pipecat_rs.frames.frames import (
    CancelFrame,
    EagerTranscriptionFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    StartFrame,
    TranscriptionFrame,
    UserBackchannelFrame,
    UserMuteStartedFrame,
    UserMuteStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameProcessor, FrameProcessorSetup
from pipecat_rs.turns.user_mute import BaseUserMuteStrategy

_logger = logging.getLogger(__name__)

_LIFECYCLE = (StartFrame, EndFrame, CancelFrame)

SWALLOWED_WHILE_MUTED = (
    InterruptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    EagerTranscriptionFrame,
    UserBackchannelFrame,
)


class UserMuting(FrameProcessor):
    """Base of a processor that swallows what the user says while strategies want it.

    Events: `on_user_mute_started`, `on_user_mute_stopped`; subclasses declare them.
    """

    def __init__(
        self, *, user_mute_strategies: Sequence[BaseUserMuteStrategy] = (), **kwargs: Any
    ) -> None:
        """Make a processor.

        Args:
            user_mute_strategies: What decides that the user is not listened to.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._mute_strategies = user_mute_strategies
        self._user_is_muted = False

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set the strategies up.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        for strategy in self._mute_strategies:
            await strategy.setup(setup)

    async def cleanup(self) -> None:
        """Release the strategies."""
        await super().cleanup()
        for strategy in self._mute_strategies:
            await strategy.cleanup()

    async def _is_muted(self, frame: Frame) -> bool:
        """Return whether a frame is swallowed; what it changes holds from the next one on."""
        if not self._mute_strategies or isinstance(frame, _LIFECYCLE):
            return False
        swallowed = self._user_is_muted and isinstance(frame, SWALLOWED_WHILE_MUTED)
        # Each strategy has to see each frame.
        muted = any([await strategy.process_frame(frame) for strategy in self._mute_strategies])
        if muted != self._user_is_muted:
            self._user_is_muted = muted
            _logger.debug("%s: the user is %s", self, "muted" if muted else "heard again")
            await self._call_event_handler(
                "on_user_mute_started" if muted else "on_user_mute_stopped"
            )
            await self.broadcast_frame(UserMuteStartedFrame if muted else UserMuteStoppedFrame)
        return swallowed
