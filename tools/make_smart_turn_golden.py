"""Writes what pipecat-ai's analyzer thinks of turns in the demo's calls, for the tests of ours.

Run it with pipecat-ai's environment::

    benches/.venv-pipecat/bin/python tools/make_smart_turn_golden.py
"""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

ROOT = Path(__file__).parent.parent
CALLS = ROOT / "python/pipecat_rs/demo/calls"
GOLDEN = ROOT / "tests/api/audio/turn/smart_turn/golden.json"

# Call, where speech begins and ends in it (seconds), and what is said.
TURNS = [
    ("human", 0.57, 3.09, "He was not an ill-disposed young man."),
    ("human", 8.82, 11.80, "He might even have been made amiable himself."),
    ("scripted", 0.81, 2.80, "Hello! What is the capital of France?"),
    ("scripted", 10.33, 11.93, "Who wrote Sense and Sensibility?"),
    ("scripted", 18.46, 20.09, "Please tell me a lot about whales."),
    ("scripted", 27.12, 29.66, "Stop, please! What is the capital of Italy?"),
]
PRE_SPEECH_SECS = 0.5
PAUSE_SECS = 0.2


def cuts() -> list[tuple[str, float, float]]:
    """Return call, begin and end of each turn with the pause behind it, and of parts of it."""
    found = [("scripted", 5.0, 5.5), ("scripted", 0.0, 12.13)]
    for call, begin, end, _said in TURNS:
        start = max(0.0, round(begin - PRE_SPEECH_SECS, 2))
        found.append((call, start, round(end + PAUSE_SECS, 2)))
        found += [(call, start, round(begin + (end - begin) * part, 2)) for part in (0.8, 0.6, 0.4)]
    return found


def main() -> None:
    """Write the file."""
    golden = []
    for rate in (16_000, 8_000):
        analyzer = LocalSmartTurnAnalyzerV3(sample_rate=rate)
        analyzer.set_sample_rate(rate)
        for call, begin, end in cuts():
            with wave.open(str(CALLS / f"{call}.wav")) as file:
                heard = np.frombuffer(file.readframes(file.getnframes()), np.int16)
            heard = heard[round(begin * 16_000) : round(end * 16_000) // 2 * 2]
            if rate == 8_000:
                heard = (heard[::2].astype(np.int32) + heard[1::2]) >> 1
            result = analyzer._predict_endpoint(heard.astype(np.float32) / 32_768)
            golden.append([rate, call, begin, end, round(result["probability"], 4)])
    GOLDEN.write_text("[\n" + ",\n".join(json.dumps(row) for row in golden) + "\n]\n")


if __name__ == "__main__":
    main()
