"""The base of text-to-speech services: from tokens to sentences, from sentences to audio."""

from __future__ import annotations

import logging
import uuid
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    CancelFrame,
    ControlFrame,
    DataFrame,
    EagerTranscriptionFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    SystemFrame,
    TextFrame,
    TextType,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat_rs.processors.aggregators.tts_metadata_frame import TTSMetadataFrame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat_rs.services.ai_service import AIService, service_language
from pipecat_rs.services.settings import TTSSettings, is_given
from pipecat_rs.services.speech_queue import SpeechContext, SpeechQueue
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.errors import ErrorCategory
from pipecat_rs.utils.text.base_text_aggregator import Aggregation
from pipecat_rs.utils.text.base_text_filter import BaseTextFilter
from pipecat_rs.utils.text.pattern_pair_aggregator import PatternMatch
from pipecat_rs.utils.text.simple_text_aggregator import SimpleTextAggregator
from pipecat_rs.utils.text.transforms.pronunciations import (
    PronunciationTransform,
    pronunciation_transform,
)
from pipecat_rs.utils.text.transforms.text_transform import TextTransform

if TYPE_CHECKING:
    from pipecat_rs.services.websocket_tts_service import (
        AudioContextTTSService as AudioContextTTSService,
    )
    from pipecat_rs.services.websocket_tts_service import (
        AudioContextWordTTSService as AudioContextWordTTSService,
    )
    from pipecat_rs.services.websocket_tts_service import (
        InterruptibleTTSService as InterruptibleTTSService,
    )
    from pipecat_rs.services.websocket_tts_service import (
        InterruptibleWordTTSService as InterruptibleWordTTSService,
    )
    from pipecat_rs.services.websocket_tts_service import WebsocketTTSService as WebsocketTTSService
    from pipecat_rs.services.websocket_tts_service import (
        WebsocketWordTTSService as WebsocketWordTTSService,
    )
    from pipecat_rs.services.websocket_tts_service import WordTTSService as WordTTSService

_logger = logging.getLogger(__name__)

_BYTES_PER_SAMPLE = 2
_NS_PER_SEC = 1_000_000_000

_HEARD_FROM_USER = (TranscriptionFrame, InterimTranscriptionFrame, EagerTranscriptionFrame)
_OF_THE_VOICE = (TTSStartedFrame, TTSStoppedFrame, TTSAudioRawFrame, TTSTextFrame)


class TextAggregationMode(StrEnum):
    """What pieces of text are spoken.

    Attributes:
        SENTENCE: Whole sentences: it sounds natural.
        TOKEN: Tokens as they come: it begins earlier, if the service copes with them.
    """

    SENTENCE = "sentence"
    TOKEN = "token"


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


@dataclass(frozen=True)
class WordTimestamp:
    """When a word is said.

    Attributes:
        word: The word.
        timestamp: Seconds since the first audio of its request.
        includes_inter_frame_spaces: Whether it brings the spaces around it.
    """

    word: str
    timestamp: float
    includes_inter_frame_spaces: bool = False


class TTSService(AIService):
    """Turns text into audio: `run_tts` is given each sentence.

    An answer of the language model makes one request: a TTSStartedFrame, for each sentence its
    audio and behind it its text, a TTSStoppedFrame. Text thus counts as said when its audio was
    played, and what an interruption cuts off does not count. Frames that come while audio is still
    being made leave behind it.

    Events: `on_connected`, `on_disconnected`, `on_connection_error` (with what is wrong),
    `on_tts_request` (identifier of the request, text).
    """

    _speaks = True

    # System frames, above all the user's audio, pass by.
    handles = (*(AIService.handles or ()), DataFrame, ControlFrame)

    Settings = TTSSettings

    _declared_events = {  # noqa: RUF012 - annotated in the base
        "on_connected": False,
        "on_disconnected": False,
        "on_connection_error": False,
        "on_tts_request": False,
    }

    def __init__(
        self,
        *,
        text_aggregation_mode: TextAggregationMode | None = None,
        aggregate_sentences: bool | None = None,
        push_text_frames: bool = True,
        push_stop_frames: bool = False,
        push_start_frame: bool = False,
        stop_frame_timeout_s: float = 3.0,
        push_silence_after_stop: bool = False,
        silence_time_s: float = 2.0,
        pause_frame_processing: bool = False,
        max_consecutive_zero_audio_contexts: int = 3,
        append_trailing_space: bool = False,
        sample_rate: int | None = None,
        skip_text_types: list[str] | None = None,
        text_transforms: list[tuple[TextType | str, TextTransform]] | None = None,
        text_filters: Sequence[BaseTextFilter] | None = None,
        transport_destination: str | None = None,
        settings: TTSSettings | None = None,
        reuse_context_id_within_turn: bool = True,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            text_aggregation_mode: What pieces of text are spoken; sentences by default.
            aggregate_sentences: Deprecated in pipecat 0.0.104: use `text_aggregation_mode`.
            push_text_frames: Whether the text of a sentence follows its audio. Not if the service
                knows when each word is said.
            push_stop_frames: Whether this class pushes the TTSStoppedFrame.
            push_start_frame: Whether this class begins a request and pushes the TTSStartedFrame.
            stop_frame_timeout_s: A request that gets no audio for so long has ended, in seconds.
            push_silence_after_stop: Whether silence follows the speech.
            silence_time_s: How much, in seconds.
            pause_frame_processing: Whether the next request waits until the last one has ended.
            max_consecutive_zero_audio_contexts: After so many requests in a row without audio the
                service counts as unusable; 0 for never.
            append_trailing_space: Whether a space is added to each sentence.
            sample_rate: Sample rate of the audio in Hz, or None for that of the pipeline's output.
            skip_text_types: Types of text that are not spoken.
            text_transforms: Functions that change text just before it is spoken, each with the type
                of text that it is for, or ``*``. Called with text and type, and awaited.
            text_filters: Deprecated in pipecat 1.14: use `text_transforms`.
            transport_destination: Where the audio is to go.
            settings: The settings, complete.
            reuse_context_id_within_turn: Whether the sentences of an answer are one request.
            **kwargs: For `AIService`.
        """
        super().__init__(settings=settings or TTSSettings(), **kwargs)
        language = self._settings.language if is_given(self._settings.language) else None
        if isinstance(self._settings.language, str):
            self._settings.language = service_language(self, self._settings.language)
        if aggregate_sentences is not None:
            warn_deprecated(
                "`aggregate_sentences` is deprecated since 0.0.104 and will be removed in 2.0.0. "
                "Use `text_aggregation_mode` instead.",
                stacklevel=2,
            )
            text_aggregation_mode = text_aggregation_mode or (
                TextAggregationMode.SENTENCE if aggregate_sentences else TextAggregationMode.TOKEN
            )
        self._text_aggregation_mode = text_aggregation_mode or TextAggregationMode.SENTENCE
        self._text_aggregator = SimpleTextAggregator(
            aggregation_type=TextType(self._text_aggregation_mode.value), language=language
        )
        self._push_text_frames = push_text_frames
        self._push_stop_frames = push_stop_frames
        self._push_start_frame = push_start_frame
        self._push_silence_after_stop = push_silence_after_stop
        self._silence_time_s = silence_time_s
        self._pause_frame_processing = pause_frame_processing
        self._max_consecutive_zero_audio_contexts = max_consecutive_zero_audio_contexts
        self._consecutive_zero_audio_contexts = 0
        self._append_trailing_space = append_trailing_space
        self._init_sample_rate = sample_rate
        self._sample_rate = 0
        self._skip_text_types = skip_text_types or []
        self._text_transforms = text_transforms or []
        self._skips_pronunciations = False
        if text_filters:
            warn_deprecated(
                "`text_filters` is deprecated since 1.14.0 and will be removed in 2.0.0. "
                "Use `text_transforms` instead.",
                stacklevel=2,
            )
        self._text_filters = text_filters or []
        self._transport_destination = transport_destination
        self._reuse_context_id_within_turn = reuse_context_id_within_turn
        self._resampler: Any = None
        self._tts_contexts: dict[str, TTSContext] = {}
        # Shared by the sentences of an answer; gone once all of them have been synthesized.
        self._turn_context_id: str | None = None
        self._audio_comes_later = False
        self._aggregating = False
        self._streamed_text = ""
        # Clock time of the first audio of the request that plays, in ns, and the words that came
        # before it.
        self._words_since: int | None = None
        self._early_words: list[WordTimestamp] = []
        self._last_word_pts = 0
        self._speech = SpeechQueue(
            self,
            push_frame=self.push_frame,
            push_item=self._push_context_item,
            push_end=self._push_context_end,
            idle_secs=stop_frame_timeout_s,
        )

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio, in Hz; 0 before the set-up."""
        return self._sample_rate

    @property
    def chunk_size(self) -> int:
        """How much to take from a provider at a time: half a second, in bytes."""
        return int(self.sample_rate * 0.5 * _BYTES_PER_SAMPLE)

    @property
    def text_aggregation_language(self) -> str:
        """The language by whose rules sentences are found."""
        return self._text_aggregator.language

    @property
    def supports_processing_metrics(self) -> bool:
        """Whether `run_tts` returns only when the audio is there, so that it can be timed."""
        return True

    # ---- for services

    @abstractmethod
    def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Speak a piece of text.

        Args:
            text: The text.
            context_id: The request it belongs to.

        Yields:
            Audio frames and ErrorFrames; None if the audio comes by `append_to_audio_context`.
        """

    def language_to_service_language(self, language: Language) -> str | None:
        """Return the service's own code for a language.

        Args:
            language: The language.
        """
        return Language(language)

    async def flush_audio(self, context_id: str | None = None) -> None:
        """Have the provider speak what it still holds back.

        Args:
            context_id: The request, or None for the one that plays.
        """

    async def on_turn_context_created(self, context_id: str) -> None:
        """Learn that an answer begins.

        Args:
            context_id: The request it makes.
        """

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

    @classmethod
    def format_pronunciation(cls, word: str, ipa: str) -> str | None:
        """Return the provider's markup for a word and how it is said; None if there is none.

        Args:
            word: The word as it stands in the text.
            ipa: How it is said, in IPA.
        """
        return None

    @property
    def supports_pronunciations(self) -> bool:
        """Whether the provider reads such markup with the settings as they are."""
        return True

    @classmethod
    def pronunciation_transform_ipa(
        cls, pronunciations: Mapping[str, str]
    ) -> PronunciationTransform:
        """Return a transform, to be the last one, that has this service say words in a given way.

        Words that the provider has no markup for are logged now, and said as they are written.

        Args:
            pronunciations: Words and how they are said, in IPA.
        """
        return pronunciation_transform(
            pronunciations, cls.format_pronunciation, service_name=cls.__name__
        )

    def add_text_transformer(
        self, transform_function: TextTransform, text_type: TextType | str = "*"
    ) -> None:
        """Add a function that changes text just before it is spoken.

        Args:
            transform_function: Called with text and type, and awaited.
            text_type: The type of text it is for, or ``*``.
        """
        self._text_transforms.append((text_type, transform_function))

    def remove_text_transformer(
        self, transform_function: TextTransform, text_type: TextType | str = "*"
    ) -> None:
        """Remove such a function, if it is there.

        Args:
            transform_function: The function.
            text_type: The type of text it was added for.
        """
        entry = (text_type, transform_function)
        self._text_transforms = [t for t in self._text_transforms if t != entry]

    # ---- life cycle

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Take over the sample rate.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        self._sample_rate = self._init_sample_rate or setup.audio_out_sample_rate

    async def stop(self, frame: EndFrame) -> None:
        """Speak what is left.

        Args:
            frame: The end frame.
        """
        await self._finish_turn()
        await self._speech.wait_until_empty()
        await super().stop(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        """Drop what is left.

        Args:
            frame: The cancel frame.
        """
        self._drop_speech()
        await super().cancel(frame)

    async def cleanup(self) -> None:
        """Drop what is left."""
        await super().cleanup()
        self._drop_speech()

    def _drop_speech(self) -> None:
        for context_id in self._speech.contexts:
            self._end_span(context_id)
        self._speech.close()

    async def broadcast_service_metadata(self) -> None:
        """Say what there is to say, and upstream that answers are spoken here."""
        await super().broadcast_service_metadata()
        await self.push_frame(TTSMetadataFrame(service_name=self.name), FrameDirection.UPSTREAM)

    async def set_usable(self, is_usable: bool) -> None:
        """Set whether this service can be given work.

        Args:
            is_usable: Whether it can.
        """
        if is_usable:
            self._consecutive_zero_audio_contexts = 0
        await super().set_usable(is_usable)

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        if is_given(delta.language) and isinstance(delta.language, str):
            self._text_aggregator.set_language(delta.language)
            delta.language = service_language(self, delta.language)
        return await super()._update_settings(delta)

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
            await self.append_to_audio_context(
                context_id or self.get_active_audio_context_id(),
                WordTimestamp(word, timestamp, bool(includes_inter_frame_spaces)),
            )

    # ---- frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Speak text, follow answers, and pass other frames on behind the audio.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            await self._handle_interruption()
            await self.push_frame(frame, direction)
        elif isinstance(frame, (SystemFrame, EndFrame)) or direction is FrameDirection.UPSTREAM:
            await self.push_frame(frame, direction)
        elif getattr(frame, "skip_tts", None) or isinstance(frame, _HEARD_FROM_USER):
            await self._speech.put(frame)
        elif isinstance(frame, AggregatedTextFrame):
            await self._handle_aggregated_text(frame)
        elif isinstance(frame, TextFrame):
            await self._handle_text(frame)
        elif isinstance(frame, LLMFullResponseStartFrame):
            # An answer before this one may have been cut off without an end.
            await self.on_turn_context_completed()
            self._turn_context_id = self.create_context_id()
            await self.on_turn_context_created(self._turn_context_id)
            await self._speech.put(frame)
        elif isinstance(frame, LLMFullResponseEndFrame):
            await self._finish_turn(frame)
        elif isinstance(frame, TTSSpeakFrame):
            await self._handle_speak(frame)
        elif isinstance(frame, TTSUpdateSettingsFrame):
            await self._handle_settings_frame(frame, direction)
        else:
            await self._speech.put(frame)

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
        if isinstance(frame, TTSStoppedFrame):
            await self._precede_stop(frame)
        await super().push_frame(frame, direction)

    async def _handle_interruption(self) -> None:
        self._aggregating = False
        self._streamed_text = ""
        await self._text_aggregator.handle_interruption()
        for text_filter in self._text_filters:
            await text_filter.handle_interruption()
        for context_id in self._speech.drop_interruptible():
            self._end_span(context_id, interrupted=True)
            self._tts_contexts.pop(context_id, None)
            try:
                await self.on_audio_context_interrupted(context_id)
            except Exception as error:
                await self.push_error(f"{self}: interrupting failed: {error}", exception=error)
        if self._speech.playing is None:
            self._forget_words()
        if not self._speech.has(self._turn_context_id):
            self._turn_context_id = None
        await self._speech.drain()
        await self._release_frames()

    # ---- answers and utterances

    async def _handle_text(self, frame: TextFrame) -> None:
        if not self._aggregating and not self._is_streaming_tokens:
            self._aggregating = True
            await self.start_text_aggregation_metrics()
        async for aggregation in self._text_aggregator.aggregate(frame.text):
            await self._stop_aggregating(aggregation)
            await self._handle_aggregated_text(_frame_of(aggregation))

    async def _stop_aggregating(self, aggregation: Aggregation) -> None:
        if aggregation.type != TextType.TOKEN:
            await self.stop_text_aggregation_metrics()

    async def _finish_turn(self, frame: LLMFullResponseEndFrame | None = None) -> None:
        """Speak what is left of the answer, and end its request; then the frame leaves."""
        rest = await self._text_aggregator.flush()
        await self.stop_text_aggregation_metrics()
        self._aggregating = False
        if rest:
            await self._handle_aggregated_text(_frame_of(rest))
        if self._streamed_text:
            await self.start_tts_usage_metrics(self._streamed_text)
            self._streamed_text = ""
        for text_filter in self._text_filters:
            await text_filter.handle_interruption()
        await self.on_turn_context_completed()
        if frame is not None:
            await self._speech.put(frame)
        await self._hold_frames()

    async def on_turn_context_completed(self) -> None:
        """End the request of the present answer, or have the provider finish it."""
        context_id, self._turn_context_id = self._turn_context_id, None
        if context_id is None or not self.audio_context_available(context_id):
            return
        if self._audio_comes_later:
            await self.flush_audio(context_id=context_id)
        else:
            await self.remove_audio_context(context_id)

    async def _handle_speak(self, frame: TTSSpeakFrame) -> None:
        """Speak an utterance as a request of its own, be it in the middle of an answer."""
        answer_id, self._turn_context_id = self._turn_context_id, None
        context_id = self._turn_context_id = self.create_context_id()
        self._tts_contexts[context_id] = TTSContext(
            append_to_context=frame.append_to_context,
            # Within an answer, the end of the answer writes it.
            push_assistant_aggregation=frame.append_to_context and answer_id is None,
            interruptible=frame.interruptible,
        )
        await self.on_turn_context_created(context_id)
        text = AggregatedTextFrame(frame.text, frame.text_type, raw_text=frame.text)
        text.interruptible = frame.interruptible
        await self._handle_aggregated_text(text)
        await self.on_turn_context_completed()
        if context_id not in self._speech.contexts:
            self._tts_contexts.pop(context_id, None)
        self._turn_context_id = answer_id
        if answer_id is None:
            await self._hold_frames()

    async def _handle_aggregated_text(self, frame: AggregatedTextFrame) -> None:
        """Speak a piece of text, or let it pass in its place if its type is not spoken."""
        context_id = self.create_context_id()
        text = frame.text if self._is_streaming_tokens else frame.text.lstrip("\n")
        if frame.text_type in self._skip_text_types:
            frame.skip_tts = True
            frame.transport_destination = self._transport_destination
            await self._put_in_order(frame, context_id)
        elif text.strip() or (text and self.audio_context_available(context_id)):
            await self._speak(frame, text, context_id)

    async def _speak(self, frame: AggregatedTextFrame, text: str, context_id: str) -> None:
        timed = self.supports_processing_metrics and not self._is_streaming_tokens
        if timed:
            await self.start_processing_metrics()
        prepared = await self._prepared(text, frame.text_type)
        if prepared is not None:
            request = self._tts_contexts.setdefault(
                context_id, TTSContext(interruptible=frame.interruptible)
            )
            if not self._is_streaming_tokens:
                await self._announce(frame, context_id)
            await self._call_event_handler("on_tts_request", context_id, prepared)
            await self._begin_request(context_id)
            await self._synthesize(prepared, context_id)
            if self._push_text_frames:
                await self.append_to_audio_context(
                    context_id, _spoken(frame, text, context_id, request)
                )
            if not self._audio_comes_later and context_id != self._turn_context_id:
                # Text outside of an answer is a request of its own.
                await self.remove_audio_context(context_id)
        if timed:
            await self.stop_processing_metrics()

    async def _announce(self, frame: AggregatedTextFrame, context_id: str) -> None:
        """Tell the text ahead of its audio. It is written to the context once it has been said."""
        frame.append_to_context = False
        frame.context_id = context_id
        frame.will_be_spoken = True
        await self._put_in_order(frame, context_id)

    async def _put_in_order(self, frame: Frame, context_id: str) -> None:
        if self.audio_context_available(context_id):
            await self.append_to_audio_context(context_id, frame)
        else:
            await self._speech.put(frame)

    async def _begin_request(self, context_id: str) -> None:
        if self._push_start_frame and not self.audio_context_available(context_id):
            await self.create_audio_context(context_id)
            await self.start_ttfb_metrics()
            await self.append_to_audio_context(context_id, TTSStartedFrame(context_id=context_id))

    async def _synthesize(self, text: str, context_id: str) -> None:
        if not self.is_usable:
            _logger.warning("%s: cannot be used, so this is not spoken: %r", self, text)
            self._audio_comes_later = False
            return
        _logger.debug("%s: speaks %r", self, text)
        if self._is_streaming_tokens:
            self._streamed_text += text
        has_audio = awaits_audio = False
        async with aclosing(self.run_tts(text, context_id)) as frames:
            async for frame in frames:
                if frame is None:
                    awaits_audio = True
                else:
                    has_audio = has_audio or isinstance(frame, TTSAudioRawFrame)
                    await self.append_to_audio_context(context_id, frame)
        self._audio_comes_later = awaits_audio and not has_audio

    async def _prepared(self, text: str, text_type: str) -> str | None:
        """Return text as it is spoken, or None if nothing is left to say."""
        try:
            for text_filter in self._text_filters:
                await text_filter.reset_interruption()
                text = await text_filter.filter(text)
            for wanted, transform in self._text_transforms:
                if wanted in (text_type, "*") and self._applies(transform):
                    text = await transform(text, text_type)
        except Exception as error:
            # What a transform was to remove must not be spoken, so nothing is.
            await self.push_error(
                f"{self}: changing the text {text!r} failed: {error}",
                exception=error,
                category=ErrorCategory.APPLICATION,
            )
            return None
        if not text.strip() and not (self._is_streaming_tokens and text):
            return None
        wants_space = self._append_trailing_space and not self._is_streaming_tokens
        return f"{text} " if wants_space and not text.endswith(" ") else text

    def _applies(self, transform: TextTransform) -> bool:
        """Return whether the provider reads what a transform writes; say once if it does not."""
        if not isinstance(transform, PronunciationTransform):
            return True
        supported = self.supports_pronunciations
        if not supported and not self._skips_pronunciations:
            _logger.warning(
                "%s: reads no pronunciations with its model %s; words are said as written",
                self,
                self._settings.model,
            )
        self._skips_pronunciations = not supported
        return supported

    async def start_tts_usage_metrics(self, text: str) -> None:
        """Report how much is spoken; of tokens, the whole answer at its end.

        Args:
            text: The text.
        """
        if not self._is_streaming_tokens or text is self._streamed_text:
            await super().start_tts_usage_metrics(text)

    @property
    def _is_streaming_tokens(self) -> bool:
        return self._text_aggregation_mode is TextAggregationMode.TOKEN

    async def _hold_frames(self) -> None:
        # For services whose audio does not say which request it is for.
        if self._pause_frame_processing and not self._speech.empty:
            await self.pause_processing_frames()

    async def _release_frames(self) -> None:
        if self._pause_frame_processing and not self._speech.contexts:
            await self.resume_processing_frames()

    # ---- what leaves the queue

    async def _push_context_item(self, context: SpeechContext, item: Any) -> None:
        if isinstance(item, WordTimestamp):
            await self._push_word(context, item)
            return
        if isinstance(item, ErrorFrame):
            await self.push_error_frame(item)
            return
        if isinstance(item, TTSAudioRawFrame):
            if not context.received_audio:
                context.received_audio = True
                await self.stop_ttfb_metrics()
                await self._begin_words(context)
            await self.process_ttfa_metrics(item)
        elif isinstance(item, TTSStartedFrame):
            context.stop_frame_due = self._push_stop_frames
            request = self._tts_contexts.get(context.context_id)
            item.append_to_context = request is None or request.append_to_context
        elif isinstance(item, TTSStoppedFrame):
            context.stop_frame_due = False
            item.pts = item.pts or self._last_word_pts or None
        await self.push_frame(item)

    async def _push_context_end(self, context: SpeechContext) -> None:
        if context.stop_frame_due:
            stopped = TTSStoppedFrame(context_id=context.context_id)
            stopped.pts = self._last_word_pts or None
            await self.push_frame(stopped)
        self._forget_words()
        self._end_span(context.context_id)
        self._tts_contexts.pop(context.context_id, None)
        await self._judge(context)
        try:
            await self.on_audio_context_completed(context.context_id)
        except Exception as error:
            await self.push_error(f"{self}: ending a request failed: {error}", exception=error)
        await self._release_frames()

    def _end_span(self, context_id: str, *, interrupted: bool = False) -> None:
        if self._spans is not None:
            self._spans.end_request(context_id, interrupted=interrupted)

    async def _precede_stop(self, frame: TTSStoppedFrame) -> None:
        """Push what was asked to come when a request has been spoken."""
        request = self._tts_contexts.pop(frame.context_id, None) if frame.context_id else None
        if request is not None and request.push_assistant_aggregation:
            write = LLMAssistantPushAggregationFrame()
            write.interruptible = frame.interruptible
            # Behind the last word, which leaves the output by its time.
            write.pts = self._last_word_pts + 1 if self._last_word_pts else None
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

    # ---- words

    async def _begin_words(self, context: SpeechContext) -> None:
        self._words_since = self.get_clock().get_time()
        words, self._early_words = self._early_words, []
        for word in words:
            await self._push_word(context, word)

    async def _push_word(self, context: SpeechContext, word: WordTimestamp) -> None:
        if self._words_since is None:
            self._early_words.append(word)
            return
        request = self._tts_contexts.get(context.context_id)
        frame = TTSTextFrame(word.word, TextType.WORD, context_id=context.context_id)
        frame.includes_inter_frame_spaces = word.includes_inter_frame_spaces
        frame.append_to_context = request is None or request.append_to_context
        frame.will_be_spoken = True
        self._last_word_pts = self._words_since + round(word.timestamp * _NS_PER_SEC)
        frame.pts = self._last_word_pts
        await self.push_frame(frame)

    def _forget_words(self) -> None:
        self._words_since = None
        self._early_words = []
        self._last_word_pts = 0

    # ---- audio

    async def _stream_audio_frames_from_iterator(
        self,
        iterator: AsyncIterator[bytes],
        *,
        strip_wav_header: bool = False,
        in_sample_rate: int | None = None,
        context_id: str | None = None,
    ) -> AsyncGenerator[Frame, None]:
        """Make audio frames of chunks of bytes, resampled if need be.

        Args:
            iterator: The chunks, which may cut samples in two.
            strip_wav_header: Whether the first chunk begins with a WAV header, which then says the
                sample rate.
            in_sample_rate: Sample rate of the audio in Hz; it wins over the header's.
            context_id: The request.

        Yields:
            The audio frames.
        """
        rest = b""
        rate = in_sample_rate
        async for piece in iterator:
            chunk = piece
            if strip_wav_header and chunk.startswith(b"RIFF"):
                rate = rate or int.from_bytes(chunk[24:28], "little")
                chunk = chunk[44:]
            strip_wav_header = False
            chunk = rest + chunk
            whole = len(chunk) - len(chunk) % _BYTES_PER_SAMPLE
            chunk, rest = chunk[:whole], chunk[whole:]
            audio = await self._at_own_rate(chunk, rate) if chunk else b""
            if audio:
                yield TTSAudioRawFrame(audio, self.sample_rate, 1, context_id=context_id)
        if rest:
            audio = await self._at_own_rate(rest + b"\x00", rate)
            yield TTSAudioRawFrame(audio, self.sample_rate, 1, context_id=context_id)

    async def _at_own_rate(self, audio: bytes, rate: int | None) -> bytes:
        if not rate or rate == self.sample_rate:
            return audio
        if self._resampler is None:
            from pipecat_rs.audio.utils import create_stream_resampler

            self._resampler = create_stream_resampler()
        return await self._resampler.resample(audio, rate, self.sample_rate)


def _frame_of(aggregation: Aggregation) -> AggregatedTextFrame:
    raw = aggregation.full_match if isinstance(aggregation, PatternMatch) else aggregation.text
    return AggregatedTextFrame(aggregation.text, aggregation.type, raw_text=raw)


def _spoken(
    frame: AggregatedTextFrame, text: str, context_id: str, request: TTSContext
) -> TTSTextFrame:
    """Return the text as what was said."""
    spoken = TTSTextFrame(text, text_type=frame.text_type, segment_id=frame.id)
    spoken.will_be_spoken = True
    spoken.context_id = context_id
    spoken.append_to_context = request.append_to_context
    spoken.includes_inter_frame_spaces = frame.text_type == TextType.TOKEN
    return spoken


_FURTHER_BASES = (
    *("WordTTSService", "WebsocketTTSService", "WebsocketWordTTSService"),
    *("InterruptibleTTSService", "InterruptibleWordTTSService"),
    *("AudioContextTTSService", "AudioContextWordTTSService"),
)


def __getattr__(name: str) -> Any:
    """Return what pipecat has here too, and what is built on this module."""
    if name not in _FURTHER_BASES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pipecat_rs.services import websocket_tts_service

    return getattr(websocket_tts_service, name)
