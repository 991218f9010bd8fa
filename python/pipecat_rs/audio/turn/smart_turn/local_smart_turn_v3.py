"""Smart turn version 3, on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pipecat_rs import _core
from pipecat_rs.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn
from pipecat_rs.audio.turn.smart_turn.model_file import find_smart_turn_model, smart_turn_model
from pipecat_rs.metrics.metrics import TurnMetricsData
from pipecat_rs.utils.model_store import load_model_off_loop
from pipecat_rs.utils.onnx_runtime import find_onnx_runtime, onnx_runtime


class LocalSmartTurnAnalyzerV3(BaseSmartTurn):
    """Judges turns with the smart-turn network, natively and in threads of its own.

    All analyzers of a process share the network. A judgement takes about 30 ms of a core, whatever
    the length of the turn. If it fails, the turn is over when it has been quiet for `stop_secs`.
    """

    def __init__(
        self, *, smart_turn_model_path: str | Path | None = None, cpu_count: int = 1, **kwargs: Any
    ) -> None:
        """Make an analyzer. The network is loaded when the pipeline is set up.

        Args:
            smart_turn_model_path: The ONNX file of smart-turn version 3, or None for that which
                pipecat-ai has installed.
            cpu_count: Threads that share out a judgement.
            **kwargs: For `BaseSmartTurn`.

        Raises:
            MissingDependencyError: If there is no such network, or no onnxruntime.
            FileNotFoundError: If there is no file at the path.
            ValueError: If there are to be less than one thread.
        """
        super().__init__(**kwargs)
        if cpu_count < 1:
            raise ValueError(f"cpu_count must be 1 or more, not {cpu_count}")
        self._runtime_path = onnx_runtime(needed_by=type(self).__name__)
        self._model_path = smart_turn_model(smart_turn_model_path, needed_by=type(self).__name__)
        self._threads = cpu_count
        self._stream: _core.SmartTurnStream | None = None

    @staticmethod
    def is_available() -> bool:
        """Return whether this environment has the network and what runs it."""
        return find_onnx_runtime() is not None and find_smart_turn_model() is not None

    async def load(self) -> None:
        """Load the network in a worker thread, once for the process.

        Raises:
            RuntimeError: If the file is no smart-turn network, or the runtime is too old.
        """
        path, runtime, threads = self._model_path, self._runtime_path, self._threads
        model = await load_model_off_loop(
            ("smart-turn", str(path), threads),
            lambda _report: _core.SmartTurnModel(path, runtime, threads),
            name="smart-turn",
        )
        if self._stream is None:
            self._stream = model.stream()

    async def cleanup(self) -> None:
        """Give up what is being judged. The analyzer stays usable."""
        await super().cleanup()
        if self._stream is not None:
            self._stream.cancel()

    def clear(self) -> None:
        """Forget what was taken in, and give up what is being judged."""
        super().clear()
        if self._stream is not None:
            self._stream.cancel()

    async def _predict(self, segment: _core.SpeechSegment) -> TurnMetricsData | None:
        if self._stream is None:
            await self.load()
        assert self._stream is not None  # load() makes it
        answer = self._stream.judge_segment(segment)
        try:
            await _readable(answer)
            result = answer.result()
        finally:
            answer.close()
        if result is None:
            return None
        probability, is_complete, took_ms = result
        return self._judgement(is_complete, probability, took_ms / 1000)


async def _readable(answer: _core.TurnAnswer) -> None:
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    descriptor = answer.fileno()

    def wake() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(descriptor, wake)
    try:
        await readable
    finally:
        loop.remove_reader(descriptor)
