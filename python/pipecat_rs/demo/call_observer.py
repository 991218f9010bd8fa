"""Listens to the frames of a running pipeline and notes what happens in the call."""

from __future__ import annotations

from collections.abc import Callable

from pipecat_rs.demo.conversation import Conversation
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterruptionFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.transports.local.audio_file import AudioFileTransport


class CallObserver(BaseObserver):
    """Turns the frames of a call into a `Conversation`.

    Attributes:
        conversation: What happened so far.
    """

    def __init__(
        self, transport: AudioFileTransport, on_change: Callable[[], None] | None = None
    ) -> None:
        """Initialize the observer.

        Args:
            transport: Whose call it is.
            on_change: Called after something has happened.
        """
        super().__init__()
        self._transport = transport
        self._output = transport.output()
        self._on_change = on_change
        self._seen: set[int] = set()
        self.conversation = Conversation()

    async def on_push_frame(self, data: FramePushed) -> None:
        """Note a frame, once, although it is pushed by each processor that passes it on.

        Args:
            data: The frame, who pushed it, and when.
        """
        if data.direction is not FrameDirection.DOWNSTREAM or not isinstance(data.frame, _NOTED):
            return
        # Spoken text counts when the output passes it on: then it has been heard.
        if isinstance(data.frame, TTSTextFrame) and data.source is not self._output:
            return
        if data.frame.id in self._seen:
            return
        self._seen.add(data.frame.id)
        self._note(data.frame, self._transport.call_time(data.timestamp))
        if self._on_change:
            self._on_change()

    def _note(self, frame: Frame, at: float) -> None:
        conversation = self.conversation
        match frame:
            # The detector needs some speech, or some silence, before it is sure.
            case VADUserStartedSpeakingFrame():
                conversation.caller_started(at - frame.start_secs)
            case VADUserStoppedSpeakingFrame():
                conversation.caller_stopped(at - frame.stop_secs)
            case TranscriptionFrame():
                conversation.understood(at, frame.text)
            case UserStoppedSpeakingFrame():
                conversation.turn_ended(at)
            case InterruptionFrame():
                conversation.interrupted(at)
            case LLMTextFrame():
                conversation.token(at, frame.text)
            case TTSAudioRawFrame():
                conversation.audio_made(at)
            case TTSTextFrame():
                conversation.bot_spoke(frame.text)
            case BotStartedSpeakingFrame():
                conversation.bot_started(at)
            case BotStoppedSpeakingFrame():
                conversation.bot_stopped(at)


_NOTED = (
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    InterruptionFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
)
