"""A voice that speaks real words, made by a model that is installed with the extra ``local``."""

from collections.abc import Iterator
from functools import cache

import pytest
from pipecat_rs.frames.frames import InputAudioRawFrame

TEXT = "The capital of France is Paris."
CHUNK_MS = 20


@cache
def voice(rate: int) -> bytes:
    """Words at a rate in Hz, as 16-bit mono audio. Skips the test where there is no voice."""
    soxr = pytest.importorskip("soxr")
    return (soxr.resample(_words(), 24_000, rate) * 32767).astype("<i2").tobytes()


@cache
def _words():
    return pytest.importorskip("hibari").Hibari()(TEXT, seed=1)


def silence(rate: int, secs: float = 1.0) -> bytes:
    return bytes(int(rate * secs) * 2)


def conversation(rate: int) -> bytes:
    """Words twice, with a second of silence around each."""
    pause = silence(rate)
    return pause + voice(rate) + pause + voice(rate) + pause


def chunks(audio: bytes, rate: int, chunk_ms: int = CHUNK_MS) -> Iterator[InputAudioRawFrame]:
    """Audio as the frames that a transport makes of it."""
    size = rate * chunk_ms // 1000 * 2
    for at in range(0, len(audio), size):
        yield InputAudioRawFrame(audio[at : at + size], rate, 1)
