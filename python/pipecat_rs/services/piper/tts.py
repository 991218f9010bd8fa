"""Text-to-speech with Piper, on this machine.

Piper is under the GPL and no dependency of this package: whoever wants it installs ``piper-tts``.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import Frame
from pipecat_rs.services.local_model import LocalModelService
from pipecat_rs.services.settings import TTSSettings
from pipecat_rs.services.tts_service import TTSService
from pipecat_rs.utils.model_store import Report
from pipecat_rs.utils.tracing.service_decorators import traced_tts
from pipecat_rs.utils.types import require_given

if TYPE_CHECKING:
    from piper import PiperVoice  # pyright: ignore[reportMissingImports] - optional, in no extra


@dataclass
class PiperTTSSettings(TTSSettings):
    """What Piper has. The voice is the path of its ONNX file, or its name in `download_dir`."""


class PiperTTSService(TTSService, LocalModelService):
    """Speaks with a voice of Piper.

    The voice is loaded once for the process, in a worker thread, while the pipeline is set up; all
    sessions share it. Each sentence is spoken in a worker thread.
    """

    handles = TTSService.handles

    Settings = PiperTTSSettings

    _declared_events = LocalModelService._declared_events

    def __init__(
        self,
        *,
        voice_id: str | None = None,
        download_dir: Path | None = None,
        use_cuda: bool = False,
        settings: PiperTTSSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            voice_id: Deprecated in pipecat 0.0.105: the setting ``voice``.
            download_dir: Folder with voices, for one that is given by its name.
            use_cuda: Whether the network runs on a GPU.
            settings: The voice.
            **kwargs: For `TTSService`.

        Raises:
            MissingDependencyError: If ``piper-tts`` is not installed.
            ValueError: If there is no voice.
            FileNotFoundError: If there is no such voice.
        """
        defaults = PiperTTSSettings(model=None, voice=None, language=None)
        if voice_id is not None:
            self._warn_init_param_moved_to_settings("voice_id", "voice")
            defaults.voice = voice_id
        if settings is not None:
            defaults.apply_update(settings)
        super().__init__(push_start_frame=True, push_stop_frames=True, settings=defaults, **kwargs)
        if importlib.util.find_spec("piper") is None:
            raise MissingDependencyError(
                f"{self} needs the package 'piper', which is not installed",
                processor=self,
                hint="pip install piper-tts (GPL-3.0)",
            )
        self._use_cuda = use_cuda
        name = require_given(self._settings.voice, "Piper TTS voice")
        self._model_path = _find_voice(name, download_dir)
        self._voice: PiperVoice | None = None

    def can_generate_metrics(self) -> bool:
        """Return True."""
        return True

    async def load(self) -> None:
        """Load the voice, if it is not there yet; may be called ahead of the pipeline."""
        if self._voice is None:
            path, use_cuda = self._model_path, self._use_cuda
            self._voice = await self._load_shared(
                ("piper", str(path), use_cuda),
                lambda report: _open_voice(path, use_cuda, report),
                name=path.stem,
            )

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        self._warn_unhandled_updated_settings(changed)
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
            _pieces(self._voice, text),
            in_sample_rate=self._voice.config.sample_rate,
            context_id=context_id,
        ):
            yield frame


async def _pieces(voice: PiperVoice, text: str) -> AsyncIterator[bytes]:
    sentences = iter(voice.synthesize(text))
    while (audio := await asyncio.to_thread(_next_audio, sentences)) is not None:
        yield audio


def _next_audio(sentences: Iterator[Any]) -> bytes | None:
    sentence = next(sentences, None)
    return None if sentence is None else sentence.audio_int16_bytes


def _find_voice(name: str, folder: Path | None) -> Path:
    path = Path(name) if folder is None else Path(folder) / f"{name}.onnx"
    if not path.exists():
        raise FileNotFoundError(
            f"there is no Piper voice at {path}: give the path of its .onnx file as voice, or its "
            "name and the folder as download_dir"
        )
    return path


def _open_voice(path: Path, use_cuda: bool, report: Report) -> PiperVoice:
    report(0.1, "importing Piper")
    from piper import PiperVoice  # pyright: ignore[reportMissingImports] - optional, in no extra

    report(0.3, "reading the voice")
    return PiperVoice.load(path, use_cuda=use_cuda)
