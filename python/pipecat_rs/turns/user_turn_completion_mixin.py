"""A language model that also judges whether the user has finished."""

from __future__ import annotations

import logging
from enum import Enum
from typing import Any

from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMarkerFrame,
    LLMMarkerResponseFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    LLMTextFrame,
    UserStartedSpeakingFrame,
    UserTurnInferenceCompletedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.turns.turn_completion_config import (
    DEFAULT_INCOMPLETE_LONG_PROMPT,
    DEFAULT_INCOMPLETE_SHORT_PROMPT,
    USER_TURN_COMPLETE_MARKER,
    USER_TURN_COMPLETION_INSTRUCTIONS,
    USER_TURN_INCOMPLETE_LONG_MARKER,
    USER_TURN_INCOMPLETE_SHORT_MARKER,
    UserTurnCompletionConfig,
)
from pipecat_rs.utils.restartable_timer import RestartableTimer

__all__ = [
    "DEFAULT_INCOMPLETE_LONG_PROMPT",
    "DEFAULT_INCOMPLETE_SHORT_PROMPT",
    "USER_TURN_COMPLETE_MARKER",
    "USER_TURN_COMPLETION_INSTRUCTIONS",
    "USER_TURN_INCOMPLETE_LONG_MARKER",
    "USER_TURN_INCOMPLETE_SHORT_MARKER",
    "IncompleteType",
    "TurnMarker",
    "UserTurnCompletionConfig",
    "UserTurnCompletionLLMServiceMixin",
]

_logger = logging.getLogger(__name__)


class TurnMarker(Enum):
    """What the sign of an answer says.

    Attributes:
        COMPLETE: The user has finished: the answer is spoken.
        INCOMPLETE: The user has not: nothing is spoken, and the user is waited for.
    """

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


class IncompleteType(Enum):
    """Which way the user has not finished.

    Attributes:
        SHORT: The user broke off and is waited for a short time.
        LONG: The user wants time and is waited for longer.
    """

    SHORT = "short"
    LONG = "long"


class UserTurnCompletionLLMServiceMixin(FrameProcessor):
    """Reads the sign at the beginning of each answer and acts on it.

    ``●`` says that the user's turn is over, which is broadcast, and the answer follows. After ``◐``
    or ``○`` nothing is spoken; if the user stays silent, the model is asked for a sentence that
    takes the conversation up again. A user who speaks has not finished, so that ``●`` then counts
    as ``◐``. Of several answers to one stretch of speech, only the first is spoken.

    A service uses it by handing its text to `_push_turn_text`.
    """

    handles = (
        LLMMessagesAppendFrame,
        UserStartedSpeakingFrame,
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with the defaults.

        Args:
            *args: For the other base classes.
            **kwargs: For the other base classes.
        """
        super().__init__(*args, **kwargs)
        self._user_turn_completion_config = UserTurnCompletionConfig()
        self._verdict: TurnMarker | None = None
        # Of the answer that runs: what waits for its sign, all of it, and the sign with its kind.
        self._unread = ""
        self._raw_answer = ""
        self._sign_found: tuple[str, str] | None = None
        self._completion_announced = False
        # An answer was spoken since the user last began to speak. Detectors may ask for several.
        self._answered = False
        self._function_called = False
        self._vad_user_speaking = False
        self._incomplete: IncompleteType | None = None
        self._incomplete_timer = RestartableTimer(
            self, self._on_incomplete_timeout, "incomplete_turn_timeout"
        )

    def set_user_turn_completion_config(self, config: UserTurnCompletionConfig | None) -> None:
        """Set how turns are judged.

        Args:
            config: How, or None for the defaults.
        """
        self._user_turn_completion_config = config or UserTurnCompletionConfig()

    async def cleanup(self) -> None:
        """Give up waiting for the user."""
        self._incomplete_timer.cancel()
        await super().cleanup()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follow who speaks, and give up waiting when the user does.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        match frame:
            case InterruptionFrame():
                # What was not read yet answers somebody who has spoken on since.
                self._forget_answer()
            case UserStartedSpeakingFrame():
                self._answered = False
            case LLMMessagesAppendFrame(run_llm=True):
                # An answer that somebody else asks for is to be heard.
                self._answered = False
            case VADUserStartedSpeakingFrame():
                # Within an open turn nothing else says that the user goes on.
                self._vad_user_speaking = True
                self._incomplete_timer.cancel()
                self._answered = False
            case VADUserStoppedSpeakingFrame():
                self._vad_user_speaking = False
            case EndFrame() | CancelFrame():
                self._incomplete_timer.cancel()
            case _:
                pass
        await super().process_frame(frame, direction)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame; where an answer begins and ends, the reading of its sign does too.

        Args:
            frame: The frame.
            direction: Which way.
        """
        if isinstance(frame, FunctionCallsStartedFrame):
            # Ahead of the functions, so that the turn has ended by the time of their results.
            await self._announce_completion()
            self._answered = False
            self._function_called = True
        elif isinstance(frame, LLMFullResponseStartFrame):
            # This answer takes the conversation up, whatever it says.
            self._incomplete_timer.cancel()
            self._begin_anew()
            self._raw_answer = ""
            self._sign_found = None
            if self._function_called:
                # The answer to its result is to be heard, whatever was said at the call.
                self._function_called = self._answered = False
        elif isinstance(frame, LLMFullResponseEndFrame):
            await self._report_answer()
            await self._close_answer()
        await super().push_frame(frame, direction)

    # ---- reading an answer

    async def _push_turn_text(self, text: str) -> None:
        """Push a piece of an answer, as far as its sign lets it through.

        Args:
            text: The text.
        """
        self._raw_answer += text
        if self._verdict is TurnMarker.COMPLETE:
            await self.push_frame(LLMTextFrame(text))
        elif self._verdict is None and not self._answered:
            self._unread += text
            await self._look_for_sign()

    async def _look_for_sign(self) -> None:
        config = self._user_turn_completion_config
        if config.incomplete_short_marker in self._unread:
            await self._hold_back(IncompleteType.SHORT)
        elif config.incomplete_long_marker in self._unread:
            await self._hold_back(IncompleteType.LONG)
        elif config.complete_marker not in self._unread:
            return
        elif self._vad_user_speaking:
            _logger.debug("%s: the user speaks again, so the turn is not over", self)
            await self._hold_back(IncompleteType.SHORT)
        else:
            await self._let_through()

    async def _hold_back(self, kind: IncompleteType) -> None:
        config = self._user_turn_completion_config
        _logger.debug("%s: the user has not finished (%s)", self, kind.value)
        # What a model writes behind such a sign against its orders is left out too.
        self._verdict = TurnMarker.INCOMPLETE
        self._unread = ""
        short = kind is IncompleteType.SHORT
        marker = config.incomplete_short_marker if short else config.incomplete_long_marker
        await self._push_marker(marker, kind.value)
        self._incomplete = kind
        self._incomplete_timer.start(
            config.incomplete_short_timeout if short else config.incomplete_long_timeout
        )

    async def _let_through(self) -> None:
        marker = self._user_turn_completion_config.complete_marker
        self._answered = True
        # The end of the turn goes ahead of the answer to it.
        await self._announce_completion()
        await self._push_marker(marker, TurnMarker.COMPLETE.value, at_once=False)
        _, _, text = self._unread.partition(marker)
        self._unread = ""
        self._verdict = TurnMarker.COMPLETE
        text = text.removeprefix(" ")
        if text:
            await self.push_frame(LLMTextFrame(text))

    async def _push_marker(self, marker: str, kind: str, *, at_once: bool = True) -> None:
        self._sign_found = (marker, kind)
        await self.push_frame(LLMMarkerFrame(marker, append_to_context_immediately=at_once))

    async def _announce_completion(self) -> None:
        if not self._completion_announced:
            self._completion_announced = True
            await self.broadcast_frame(UserTurnInferenceCompletedFrame)

    async def _report_answer(self) -> None:
        if self._raw_answer or self._sign_found:
            marker, kind = self._sign_found or (None, None)
            markers = list(self._user_turn_completion_config.markers)
            report = LLMMarkerResponseFrame(self._raw_answer, marker, kind, markers)
            self._raw_answer = ""
            self._sign_found = None
            await self.push_frame(report)

    async def _close_answer(self) -> None:
        verdict, text = self._verdict, self._unread
        self._begin_anew()
        if verdict is None and text:
            _logger.warning(
                "%s: the answer has none of the signs %s and is spoken as it is; does the model "
                "know what they mean?",
                self,
                "/".join(self._user_turn_completion_config.markers),
            )
            await self.push_frame(LLMTextFrame(text))

    def _forget_answer(self) -> None:
        """Take an answer for one that nobody has heard, and nobody will."""
        self._incomplete_timer.cancel()
        self._begin_anew()
        self._answered = False

    def _begin_anew(self) -> None:
        self._verdict = None
        self._unread = ""
        self._completion_announced = False

    # ---- waiting for the user

    async def _on_incomplete_timeout(self) -> None:
        _logger.debug("%s: the user does not go on", self)
        config = self._user_turn_completion_config
        short = self._incomplete is IncompleteType.SHORT
        prompt = config.short_prompt if short else config.long_prompt
        message: Any = {"role": "developer", "content": prompt}
        await self.push_frame(LLMMessagesAppendFrame(messages=[message]))
        await self.push_frame(LLMRunFrame())
