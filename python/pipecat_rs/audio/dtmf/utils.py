"""The sound of a telephone's keys."""

from __future__ import annotations

from functools import lru_cache

from pipecat_rs.audio.dsp import dtmf_tone
from pipecat_rs.audio.dtmf.types import KeypadEntry

TONE_SECS = 0.25
"""How long a key is down. Receivers want 40 ms at least."""
PAUSE_SECS = 0.25
"""The silence behind it, by which two keys in a row stay apart."""


async def load_dtmf_audio(button: KeypadEntry, *, sample_rate: int = 8000) -> bytes:
    """Return the sound of a key: half a second, as long as pipecat's.

    Args:
        button: The key.
        sample_rate: Rate of the samples, in Hz.

    Returns:
        16-bit mono samples: the tone, and a pause behind it.

    Raises:
        ValueError: If the rate is not positive.
    """
    return _key_audio(button.value, sample_rate)


@lru_cache(maxsize=64)
def _key_audio(label: str, sample_rate: int) -> bytes:
    tone = dtmf_tone(label, sample_rate, round(TONE_SECS * sample_rate))
    return tone + bytes(2 * round(PAUSE_SECS * sample_rate))
