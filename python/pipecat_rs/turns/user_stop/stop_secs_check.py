"""Whether what voice activity detection waits for fits the latency of speech-to-text."""

from __future__ import annotations

import logging

from pipecat_rs.audio.vad.vad_analyzer import VAD_STOP_SECS

_logger = logging.getLogger(__name__)


class StopSecsCheck:
    """Warns once if the two do not fit, and again after the latency has changed."""

    def __init__(self, owner: object) -> None:
        """Begin without a warning.

        Args:
            owner: Whose name the warning begins with.
        """
        self._owner = owner
        self._done = False

    def again(self) -> None:
        """Let the next check warn, as the latency has changed."""
        self._done = False

    def check(self, stop_secs: float, stt_timeout: float) -> None:
        """Warn if need be.

        Args:
            stop_secs: Silence after which voice activity detection reports the stop, in seconds.
            stt_timeout: Latency of speech-to-text in seconds; 0 if not known.
        """
        if self._done:
            return
        self._done = True
        if stop_secs != VAD_STOP_SECS:
            _logger.warning(
                "%s: the VAD's stop_secs is %s s; latencies of speech-to-text services are given "
                "for %s s. Measure yours and pass it as ttfs_p99_latency.",
                self._owner,
                stop_secs,
                VAD_STOP_SECS,
            )
        if 0 < stt_timeout <= stop_secs:
            _logger.warning(
                "%s: the VAD's stop_secs (%s s) is no shorter than the latency of speech-to-text "
                "(%s s), so a transcript is not waited for",
                self._owner,
                stop_secs,
                stt_timeout,
            )
