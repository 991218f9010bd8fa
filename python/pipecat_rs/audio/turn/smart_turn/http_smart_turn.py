"""Smart turn, judged by a server over HTTP."""

from __future__ import annotations

import io
import logging
import time
from typing import TYPE_CHECKING, Any

from pipecat_rs import _core
from pipecat_rs.audio.turn.smart_turn.base_smart_turn import (
    BaseSmartTurn,
    SmartTurnTimeoutException,
)
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.metrics.metrics import TurnMetricsData

if TYPE_CHECKING:
    import aiohttp

_logger = logging.getLogger(__name__)


class HttpSmartTurnAnalyzer(BaseSmartTurn):
    """Sends the audio of a turn to a server, as an array of numpy, and takes its judgement.

    A server that answers with an error, or not at all, is no judgement: the turn goes on, and is
    over when it has been quiet for `stop_secs`. That is also how long an answer may take; later,
    the turn counts as over.
    """

    def __init__(
        self,
        *,
        url: str,
        aiohttp_session: aiohttp.ClientSession,
        headers: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Make an analyzer.

        Args:
            url: Where the audio is posted to.
            aiohttp_session: The session to post with; it is not closed here.
            headers: Headers of the request, such as a key.
            **kwargs: For `BaseSmartTurn`.
        """
        super().__init__(**kwargs)
        self._url = url
        self._session = aiohttp_session
        self._headers = {"Content-Type": "application/octet-stream", **(headers or {})}

    async def _predict(self, segment: _core.SpeechSegment) -> TurnMetricsData | None:
        started = time.perf_counter()
        try:
            answer = await self._post(_as_npy(segment.audio()))
            prediction, probability = answer["prediction"], float(answer["probability"])
        except TimeoutError as error:
            raise SmartTurnTimeoutException(
                f"{self._url} has not judged the turn in {self._params.stop_secs} s"
            ) from error
        except Exception as error:
            _logger.error("%s: no judgement of the turn from %s: %r", self, self._url, error)
            return self._judgement(False, 0.0, time.perf_counter() - started)
        return self._judgement(prediction == 1, probability, time.perf_counter() - started)

    async def _post(self, body: bytes) -> dict[str, Any]:
        try:
            import aiohttp
        except ImportError as error:
            raise MissingDependencyError.of(
                "aiohttp", needed_by=type(self), extra="http"
            ) from error
        timeout = aiohttp.ClientTimeout(total=self._params.stop_secs)
        async with self._session.post(
            self._url, data=body, headers=self._headers, timeout=timeout
        ) as response:
            if response.status != 200:
                raise RuntimeError(f"HTTP {response.status}: {await response.text()}")
            return await response.json()


def _as_npy(audio: bytes) -> bytes:
    """Return 16-bit samples as a file of numpy: 32-bit floats, full scale at 1."""
    import numpy as np

    file = io.BytesIO()
    np.save(file, np.frombuffer(audio, np.int16).astype(np.float32) / 32768)
    return file.getvalue()
