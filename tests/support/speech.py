"""Speech in the demo's calls."""

import wave
from array import array
from pathlib import Path

import pipecat_rs.demo.calls

RATE = 16_000
"""Sample rate of the calls, in Hz."""

_CALLS = Path(pipecat_rs.demo.calls.__file__).parent

WHO_WROTE = ("scripted", 9.83, 12.13)
"""A whole question, with the pauses before and behind it: "Who wrote Sense and Sensibility?"."""

WHO_WROTE_SENSE = ("scripted", 9.83, 11.61)
"""The same, cut off within its last word."""


def speech(call: str, begin: float, end: float, rate: int = RATE) -> bytes:
    """Return 16-bit mono audio from a call.

    Args:
        call: Name of the call.
        begin: Where it begins, in seconds.
        end: Where it ends, in seconds.
        rate: 16000 or 8000 Hz.
    """
    with wave.open(str(_CALLS / f"{call}.wav")) as file:
        file.setpos(round(begin * RATE))
        heard = array("h", file.readframes(round(end * RATE) // 2 * 2 - round(begin * RATE)))
    if rate == RATE // 2:
        heard = array("h", [sum(heard[at : at + 2]) >> 1 for at in range(0, len(heard), 2)])
    return heard.tobytes()
