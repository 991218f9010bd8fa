"""The base of text-to-speech services: from tokens to sentences, from sentences to audio."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    CancelFrame,
    ControlFrame,
    DataFrame,
    EagerTranscriptionFrame,
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    SystemFrame,
    TextFrame,
    TextType,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat_rs.processors.aggregators.tts_metadata_frame import TTSMetadataFrame
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.ai_service import AIService, service_language
from pipecat_rs.services.audio_contexts import AudioContexts, TTSContext
from pipecat_rs.services.settings import TTSSettings, is_given
from pipecat_rs.services.spoken_text import SpokenText, TextAggregationMode, frame_of
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.context.word_timestamp_tracker import WordTimestamp as WordTimestamp
from pipecat_rs.utils.deprecation import warn_deprecated
from pipecat_rs.utils.text.base_text_aggregator import Aggregation
from pipecat_rs.utils.text.base_text_filter import BaseTextFilter
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

_HEARD_FROM_USER = (TranscriptionFrame, InterimTranscriptionFrame, EagerTranscriptionFrame)


class TTSService(SpokenText, AudioContexts):
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
        if aggregate_sentences is not None:
            warn_deprecated(
                "`aggregate_sentences` is deprecated since 0.0.104 and will be removed in 2.0.0. "
                "Use `text_aggregation_mode` instead.",
                stacklevel=2,
            )
            text_aggregation_mode = text_aggregation_mode or (
                TextAggregationMode.SENTENCE if aggregate_sentences else TextAggregationMode.TOKEN
            )
        if text_filters:
            warn_deprecated(
                "`text_filters` is deprecated since 1.14.0 and will be removed in 2.0.0. "
                "Use `text_transforms` instead.",
                stacklevel=2,
            )
        super().__init__(
            text_aggregation_mode=text_aggregation_mode,
            push_text_frames=push_text_frames,
            streams_tokens=text_aggregation_mode is TextAggregationMode.TOKEN,
            push_stop_frames=push_stop_frames,
            push_start_frame=push_start_frame,
            stop_frame_timeout_s=stop_frame_timeout_s,
            push_silence_after_stop=push_silence_after_stop,
            silence_time_s=silence_time_s,
            pause_frame_processing=pause_frame_processing,
            max_consecutive_zero_audio_contexts=max_consecutive_zero_audio_contexts,
            append_trailing_space=append_trailing_space,
            sample_rate=sample_rate,
            text_transforms=text_transforms,
            text_filters=text_filters,
            transport_destination=transport_destination,
            settings=settings or TTSSettings(),
            reuse_context_id_within_turn=reuse_context_id_within_turn,
            **kwargs,
        )
        if isinstance(self._settings.language, str):
            self._settings.language = service_language(self, self._settings.language)
        self._skip_text_types = skip_text_types or []
        self._audio_comes_later = False
        self._aggregating = False
        self._streamed_text = ""

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

    # ---- life cycle

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

    async def broadcast_service_metadata(self) -> None:
        """Say what there is to say, and upstream that answers are spoken here."""
        await super().broadcast_service_metadata()
        await self.push_frame(TTSMetadataFrame(service_name=self.name), FrameDirection.UPSTREAM)

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        if is_given(delta.language) and isinstance(delta.language, str):
            self._text_aggregator.set_language(delta.language)
            delta.language = service_language(self, delta.language)
        return await super()._update_settings(delta)

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

    async def _handle_interruption(self) -> None:
        self._aggregating = False
        self._streamed_text = ""
        await self._text_aggregator.handle_interruption()
        await self._reset_filters()
        await self._interrupt_contexts()

    # ---- answers and utterances

    async def _handle_text(self, frame: TextFrame) -> None:
        if not self._aggregating and not self._is_streaming_tokens:
            self._aggregating = True
            await self.start_text_aggregation_metrics()
        async for aggregation in self._text_aggregator.aggregate(frame.text):
            await self._stop_aggregating(aggregation)
            await self._handle_aggregated_text(frame_of(aggregation))

    async def _stop_aggregating(self, aggregation: Aggregation) -> None:
        if aggregation.type != TextType.TOKEN:
            await self.stop_text_aggregation_metrics()

    async def _finish_turn(self, frame: LLMFullResponseEndFrame | None = None) -> None:
        """Speak what is left of the answer, and end its request; then the frame leaves."""
        rest = await self._text_aggregator.flush()
        await self.stop_text_aggregation_metrics()
        self._aggregating = False
        if rest:
            await self._handle_aggregated_text(frame_of(rest))
        if self._streamed_text:
            await self.start_tts_usage_metrics(self._streamed_text)
            self._streamed_text = ""
        await self._reset_filters()
        await self.on_turn_context_completed()
        if frame is not None:
            await self._speech.put(frame)
        await self._hold_frames()

    async def on_turn_context_completed(self) -> None:
        """End the request of the present answer, or have the provider finish it."""
        context_id, self._turn_context_id = self._turn_context_id, None
        if context_id is None or not self.audio_context_available(context_id):
            return
        await self._put_all_in_order(await self._words.finish_text(context_id), context_id)
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
            skipped = await self._words.skip_text(frame, context_id, self._transport_destination)
            await self._put_all_in_order(skipped, context_id)
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
            await self._follow(frame, prepared, context_id, request)
            await self._synthesize(prepared, context_id)
            if self._push_text_frames:
                await self.append_to_audio_context(
                    context_id, _spoken(frame, text, context_id, request)
                )
            if not self._audio_comes_later and context_id != self._turn_context_id:
                # Text outside of an answer is a request of its own.
                await self.remove_audio_context(context_id)
            if not self._audio_comes_later and context_id not in self._speech.contexts:
                unheard = await self._words.complete(context_id, heard=False)
                await self._put_all_in_order(unheard, context_id)
        if timed:
            await self.stop_processing_metrics()

    async def _follow(
        self, frame: AggregatedTextFrame, prepared: str, context_id: str, request: TTSContext
    ) -> None:
        """Have the words looked up that will be reported of a text."""
        frames = await self._words.add_text(
            frame,
            context_id,
            prepared,
            append_to_context=request.append_to_context,
            language=self.text_aggregation_language,
        )
        await self._put_all_in_order(frames, context_id)

    async def _announce(self, frame: AggregatedTextFrame, context_id: str) -> None:
        """Tell the text ahead of its audio. It is written to the context once it has been said."""
        frame.append_to_context = False
        frame.context_id = context_id
        frame.will_be_spoken = True
        await self._put_in_order(frame, context_id)

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

    async def start_tts_usage_metrics(self, text: str) -> None:
        """Report how much is spoken; of tokens, the whole answer at its end.

        Args:
            text: The text.
        """
        if not self._is_streaming_tokens or text is self._streamed_text:
            await super().start_tts_usage_metrics(text)


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
