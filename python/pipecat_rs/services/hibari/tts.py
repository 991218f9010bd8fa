"""Text-to-speech with hibari, on this machine."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import Frame
from pipecat_rs.services.local_model import LocalModelService
from pipecat_rs.services.settings import NOT_GIVEN, NotGiven, TTSSettings
from pipecat_rs.services.tts_service import TTSService
from pipecat_rs.utils.model_store import Report
from pipecat_rs.utils.tracing.service_decorators import traced_tts

if TYPE_CHECKING:
    from hibari import Hibari

_FULL_SCALE = 32767.0
_DEFAULT_VOICE = "heart"


@dataclass
class HibariTTSSettings(TTSSettings):
    """What hibari has.

    Attributes:
        speed: Pace, from 0.5 (slow) to 2 (fast); 1 is that of the voice.
    """

    speed: float | NotGiven = field(default_factory=lambda: NOT_GIVEN)


class HibariVoice:
    """A voice in memory, shared by the sessions of a process."""

    def __init__(self, tts: Hibari) -> None:
        """Take over a voice.

        Args:
            tts: The voice.
        """
        self._tts = tts
        # The network may run in several threads at a time; the way to phonemes has caches.
        self._phonemes_lock = threading.Lock()

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio, in Hz."""
        return self._tts.sample_rate

    def phonemes(self, text: str) -> list[str]:
        """Return the phonemes of each sentence.

        Args:
            text: The text.
        """
        with self._phonemes_lock:
            return self._tts.phonemize(text)

    def speak(self, phonemes: str, speed: float) -> bytes:
        """Return a sentence as 16-bit mono audio.

        Args:
            phonemes: The sentence.
            speed: Pace.
        """
        import numpy as np

        samples = self._tts.from_ids(self._tts.ids(phonemes), speed)
        return (np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2").tobytes()


class HibariTTSService(TTSService, LocalModelService):
    """Speaks English with a voice of hibari, at 24 kHz, 100 times as fast as it is heard.

    The voice is loaded once for the process, in a worker thread, while the pipeline is set up; all
    sessions share it. Each sentence is spoken in a worker thread; an interruption is waited for
    no longer than a sentence takes, some 20 ms.
    """

    handles = TTSService.handles

    Settings = HibariTTSSettings

    _declared_events = LocalModelService._declared_events

    def __init__(
        self,
        *,
        settings: HibariTTSSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            settings: What is to differ from the default: voice ``heart``, speed 1. Other voices
                are downloaded by hibari.
            **kwargs: For `TTSService`.

        Raises:
            MissingDependencyError: If a package is not installed.
        """
        defaults = HibariTTSSettings(model="hibari", voice=_DEFAULT_VOICE, language="en", speed=1.0)
        if settings is not None:
            defaults.apply_update(settings)
        super().__init__(push_start_frame=True, push_stop_frames=True, settings=defaults, **kwargs)
        if importlib.util.find_spec("hibari") is None:
            raise MissingDependencyError.of("hibari", needed_by=self, extra="local")
        self._voice: HibariVoice | None = None

    def can_generate_metrics(self) -> bool:
        """Return True."""
        return True

    async def load(self) -> None:
        """Load the voice, if it is not there yet; may be called ahead of the pipeline."""
        if self._voice is not None:
            return
        name = str(self._settings.voice)
        self._voice = await self._load_shared(
            ("hibari", name),
            lambda report: _open_voice(name, report),
            name=f"hibari {name}",
        )

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if "voice" in changed:
            self._voice = None
            await self.load()
        self._warn_unhandled_updated_settings(changed.keys() & {"model", "language"})
        return changed

    @traced_tts
    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Speak a piece of text, sentence by sentence.

        Args:
            text: The text.
            context_id: The request it belongs to.

        Yields:
            Audio.
        """
        await self.load()
        assert self._voice is not None
        await self.start_tts_usage_metrics(text)
        async for frame in self._stream_audio_frames_from_iterator(
            self._sentences(self._voice, text),
            in_sample_rate=self._voice.sample_rate,
            context_id=context_id,
        ):
            yield frame

    async def _sentences(self, voice: HibariVoice, text: str) -> AsyncIterator[bytes]:
        for phonemes in await asyncio.to_thread(voice.phonemes, text):
            yield await asyncio.to_thread(voice.speak, phonemes, self._settings.speed)


def _open_voice(name: str, report: Report) -> HibariVoice:
    report(0.1, "importing hibari")
    from hibari import Hibari

    report(0.4, "reading the voice")
    voice = HibariVoice(Hibari(voice=name))
    report(0.7, "warming up")
    # The first sentence takes ten times as long: the lexicon is read then.
    for phonemes in voice.phonemes("Hello."):
        voice.speak(phonemes, 1.0)
    return voice
