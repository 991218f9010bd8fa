"""The requests of a text-to-speech service: what belongs to each, and in what order it leaves."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    ErrorFrame,
    Frame,
    LLMAssistantPushAggregationFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.speech_queue import SpeechContext, SpeechQueue
from pipecat_rs.services.spoken_words import SpokenWords
from pipecat_rs.services.streamed_audio import StreamedAudio
from pipecat_rs.utils.context.word_timestamp_tracker import WordTimestamp

_logger = logging.getLogger(__name__)

_BYTES_PER_SAMPLE = 2

_OF_THE_VOICE = (TTSStartedFrame, TTSStoppedFrame, TTSAudioRawFrame, TTSTextFrame)


@dataclass
class TTSContext:
    """How one request is spoken.

    Attributes:
        append_to_context: Whether what was said is written to the conversation context.
        push_assistant_aggregation: Whether it is written as soon as it was said.
        interruptible: Whether an interruption drops it.
    """

    append_to_context: bool = True
    push_assistant_aggregation: bool = False
    interruptible: bool = True


class AudioContexts(StreamedAudio):
    """Base of a service that gathers audio by requests, and pushes it in the order of these.

    A request has begun when something is added to it. Its frames leave as they come if it is the
    first in line; others wait.
    """

    def __init__(
        self,
        *,
        push_text_frames: bool = True,
        streams_tokens: bool = False,
        push_stop_frames: bool = False,
        push_start_frame: bool = False,
        stop_frame_timeout_s: float = 3.0,
        push_silence_after_stop: bool = False,
        silence_time_s: float = 2.0,
        pause_frame_processing: bool = False,
        max_consecutive_zero_audio_contexts: int = 3,
        transport_destination: str | None = None,
        reuse_context_id_within_turn: bool = True,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            push_text_frames: Whether texts are told as a whole, and not word by word.
            streams_tokens: Whether texts are tokens.
            push_stop_frames: Whether this class pushes the TTSStoppedFrame.
            push_start_frame: Whether this class begins a request and pushes the TTSStartedFrame.
            stop_frame_timeout_s: A request that gets no audio for so long has ended, in seconds.
            push_silence_after_stop: Whether silence follows the speech.
            silence_time_s: How much, in seconds.
            pause_frame_processing: Whether the next request waits until the last one has ended.
            max_consecutive_zero_audio_contexts: After so many requests in a row without audio the
                service counts as unusable; 0 for never.
            transport_destination: Where the audio is to go.
            reuse_context_id_within_turn: Whether the sentences of an answer are one request.
            **kwargs: For `StreamedAudio`.
        """
        super().__init__(**kwargs)
        self._push_text_frames = push_text_frames
        self._push_stop_frames = push_stop_frames
        self._push_start_frame = push_start_frame
        self._push_silence_after_stop = push_silence_after_stop
        self._silence_time_s = silence_time_s
        self._pause_frame_processing = pause_frame_processing
        self._max_consecutive_zero_audio_contexts = max_consecutive_zero_audio_contexts
        self._consecutive_zero_audio_contexts = 0
        self._transport_destination = transport_destination
        self._reuse_context_id_within_turn = reuse_context_id_within_turn
        self._tts_contexts: dict[str, TTSContext] = {}
        # Shared by the sentences of an answer; gone once all of them have been synthesized.
        self._turn_context_id: str | None = None
        self._words = SpokenWords(str(self), reports=not push_text_frames, streaming=streams_tokens)
        self._speech = SpeechQueue(
            self,
            push_frame=self.push_frame,
            push_item=self._push_context_item,
            push_end=self._push_context_end,
            idle_secs=stop_frame_timeout_s,
        )

    # ---- for services

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """Learn that a request was interrupted, to tell the provider.

        Args:
            context_id: The request.
        """

    async def on_audio_context_completed(self, context_id: str) -> None:
        """Learn that all the audio of a request has left.

        Args:
            context_id: The request.
        """

    # ---- requests

    def create_context_id(self) -> str:
        """Return the identifier of the request that text belongs to now."""
        if self._reuse_context_id_within_turn and self._turn_context_id:
            self._speech.keep_alive(self._turn_context_id)
            return self._turn_context_id
        return str(uuid.uuid4())

    async def create_audio_context(self, context_id: str) -> None:
        """Begin to gather the audio of a request; it leaves behind that of earlier ones.

        Args:
            context_id: The request.
        """
        if self._spans is not None:
            self._spans.begin_request(context_id)
        request = self._tts_contexts.get(context_id)
        self._speech.begin(context_id, interruptible=request.interruptible if request else True)

    async def append_to_audio_context(self, context_id: str | None, frame: Any) -> None:
        """Add a frame, or a `WordTimestamp`, to a request.

        The request of the present answer is begun anew if it had ended for want of audio. Anything
        for a request that is not there is dropped: it was interrupted.

        Args:
            context_id: The request; None is ignored.
            frame: What to add, or None for its end.
        """
        if not context_id:
            return
        if frame is None:
            await self.remove_audio_context(context_id)
            return
        if not self.audio_context_available(context_id) and context_id == self._turn_context_id:
            await self.create_audio_context(context_id)
        if self.audio_context_available(context_id):
            await self._speech.add(context_id, frame)
        else:
            _logger.debug("%s: %s is dropped, request %s is over", self, frame, context_id)

    async def remove_audio_context(self, context_id: str | None) -> None:
        """End a request: nothing more comes for it.

        Args:
            context_id: The request; one that is not there is ignored.
        """
        if context_id and self.audio_context_available(context_id):
            await self._speech.end(context_id)

    def audio_context_available(self, context_id: str) -> bool:
        """Return whether a request takes more.

        Args:
            context_id: The request.
        """
        return self._speech.has(context_id)

    def get_audio_contexts(self) -> list[str]:
        """Return the requests whose audio has not all left."""
        return self._speech.contexts

    def has_active_audio_context(self) -> bool:
        """Return whether the audio of a request leaves now."""
        return self._speech.playing is not None

    def get_active_audio_context_id(self) -> str | None:
        """Return the request whose audio leaves now, else that of the present answer, or None."""
        playing = self._speech.playing
        return playing.context_id if playing is not None else self._turn_context_id

    async def remove_active_audio_context(self) -> None:
        """End the request whose audio leaves now."""
        if self._speech.playing is not None:
            await self.remove_audio_context(self._speech.playing.context_id)

    async def add_word_timestamps(
        self,
        word_times: list[tuple[str, float]],
        context_id: str | None = None,
        includes_inter_frame_spaces: bool | None = None,
    ) -> None:
        """Say when words of a request are said; each becomes a TTSTextFrame with that time.

        Args:
            word_times: Words, each with its seconds since the first audio of the request.
            context_id: The request, or None for the one that plays.
            includes_inter_frame_spaces: Whether the words bring the spaces around them.
        """
        for word, timestamp in word_times:
            request = context_id or self.get_active_audio_context_id()
            await self.append_to_audio_context(
                request,
                WordTimestamp(word, timestamp, request, bool(includes_inter_frame_spaces)),
            )

    async def set_usable(self, is_usable: bool) -> None:
        """Set whether this service can be given work.

        Args:
            is_usable: Whether it can.
        """
        if is_usable:
            self._consecutive_zero_audio_contexts = 0
        await super().set_usable(is_usable)

    async def _begin_request(self, context_id: str) -> None:
        if self._push_start_frame and not self.audio_context_available(context_id):
            await self.create_audio_context(context_id)
            await self.start_ttfb_metrics()
            await self.append_to_audio_context(context_id, TTSStartedFrame(context_id=context_id))

    async def _put_in_order(self, frame: Frame, context_id: str) -> None:
        if self.audio_context_available(context_id):
            await self.append_to_audio_context(context_id, frame)
        else:
            await self._speech.put(frame)

    async def _put_all_in_order(self, frames: Iterable[Frame], context_id: str) -> None:
        for frame in frames:
            await self._put_in_order(frame, context_id)

    async def _cut_off(self, context_id: str) -> None:
        """End a request of which the rest is lost: of its text, no more counts as said."""
        self._speech.cut_off(context_id)
        await self.remove_audio_context(context_id)

    def _drop_speech(self) -> None:
        for context_id in self._speech.contexts:
            self._end_span(context_id)
        self._speech.close()
        self._words.interrupt(kept=set(), stops=True)

    async def _interrupt_contexts(self) -> None:
        """Drop the requests that an interruption drops, and push what waited behind them."""
        playing = self._speech.playing
        dropped = self._speech.drop_interruptible()
        kept = {c for c, request in self._tts_contexts.items() if not request.interruptible}
        self._words.interrupt(kept=kept, stops=playing is not self._speech.playing)
        for context_id in dropped:
            self._end_span(context_id, interrupted=True)
            self._tts_contexts.pop(context_id, None)
            try:
                await self.on_audio_context_interrupted(context_id)
            except Exception as error:
                await self.push_error(f"{self}: interrupting failed: {error}", exception=error)
        if not self._speech.has(self._turn_context_id):
            self._turn_context_id = None
        await self._speech.drain()
        await self._release_frames()

    async def _hold_frames(self) -> None:
        # For services whose audio does not say which request it is for.
        if self._pause_frame_processing and not self._speech.empty:
            await self.pause_processing_frames()

    async def _release_frames(self) -> None:
        if self._pause_frame_processing and not self._speech.contexts:
            await self.resume_processing_frames()

    # ---- what leaves

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame; what belongs to a request takes over how that is spoken.

        Args:
            frame: The frame.
            direction: Which way.
        """
        if isinstance(frame, _OF_THE_VOICE):
            frame.transport_destination = self._transport_destination
            request = self._tts_contexts.get(frame.context_id) if frame.context_id else None
            if request is not None and not request.interruptible:
                frame.interruptible = False
        if isinstance(frame, TTSTextFrame):
            self._words.note(frame)
        elif isinstance(frame, AggregatedTextFrame) and frame.will_be_spoken:
            self._words.announce(frame, self.get_clock().get_time())
        elif isinstance(frame, TTSStoppedFrame):
            await self._precede_stop(frame)
        await super().push_frame(frame, direction)

    async def _push_context_item(self, context: SpeechContext, item: Any) -> None:
        if isinstance(item, WordTimestamp):
            await self._push_all(self._words.word(item))
            return
        if isinstance(item, ErrorFrame):
            await self.push_error_frame(item)
            return
        if isinstance(item, TTSAudioRawFrame):
            if not context.received_audio:
                context.received_audio = True
                await self.stop_ttfb_metrics()
                await self._push_all(self._words.begin(self.get_clock().get_time()))
            await self.process_ttfa_metrics(item)
        elif isinstance(item, TTSStartedFrame):
            context.stop_frame_due = self._push_stop_frames
            request = self._tts_contexts.get(context.context_id)
            item.append_to_context = request is None or request.append_to_context
        elif isinstance(item, TTSStoppedFrame):
            context.stop_frame_due = False
            await self._complete_words(context)
            item.pts = item.pts or self._words.last_pts
        await self.push_frame(item)

    async def _push_context_end(self, context: SpeechContext) -> None:
        await self._complete_words(context)
        if context.stop_frame_due:
            stopped = TTSStoppedFrame(context_id=context.context_id)
            stopped.pts = self._words.last_pts
            await self.push_frame(stopped)
        self._words.stop()
        self._end_span(context.context_id)
        self._tts_contexts.pop(context.context_id, None)
        await self._judge(context)
        try:
            await self.on_audio_context_completed(context.context_id)
        except Exception as error:
            await self.push_error(f"{self}: ending a request failed: {error}", exception=error)
        await self._release_frames()

    async def _complete_words(self, context: SpeechContext) -> None:
        heard = context.received_audio and not context.was_cut_off
        await self._push_all(await self._words.complete(context.context_id, heard=heard))

    async def _push_all(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            await self.push_frame(frame)

    async def _precede_stop(self, frame: TTSStoppedFrame) -> None:
        """Push what was asked to come when a request has been spoken."""
        request = self._tts_contexts.pop(frame.context_id, None) if frame.context_id else None
        if request is not None and request.push_assistant_aggregation:
            write = LLMAssistantPushAggregationFrame()
            write.interruptible = frame.interruptible
            # Behind the last word, which leaves the output by its time.
            last_pts = self._words.last_pts
            write.pts = last_pts + 1 if last_pts is not None else None
            await self.push_frame(write)
        if self._push_silence_after_stop:
            samples = int(self._silence_time_s * self.sample_rate)
            silence = TTSAudioRawFrame(bytes(samples * _BYTES_PER_SAMPLE), self.sample_rate, 1)
            silence.interruptible = frame.interruptible
            await self.push_frame(silence)

    async def _judge(self, context: SpeechContext) -> None:
        """Report a request without audio; after several, the service is of no use."""
        if context.received_audio:
            self._consecutive_zero_audio_contexts = 0
            return
        self._consecutive_zero_audio_contexts += 1
        count = self._consecutive_zero_audio_contexts
        limit = self._max_consecutive_zero_audio_contexts
        await self.push_error(
            f"{self}: a request ended without audio ({count} in a row)",
            force_treat_as_permanent=bool(limit) and count >= limit,
        )

    def _end_span(self, context_id: str, *, interrupted: bool = False) -> None:
        if self._spans is not None:
            self._spans.end_request(context_id, interrupted=interrupted)
