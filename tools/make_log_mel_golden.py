"""Writes what pipecat-ai's feature extractor makes of three signals, for rust/inference/tests.

Run it with pipecat-ai's environment::

    benches/.venv-pipecat/bin/python tools/make_log_mel_golden.py

Each signal is 16-bit audio at 16 kHz that the test computes alike: whole numbers only. Every 40th
column of each spectrogram is kept.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pipecat.audio.turn.smart_turn._whisper_features import compute_whisper_log_mel_features

SAMPLES = 128_000
EVERY = 40
GOLDEN = Path(__file__).parent.parent / "rust/inference/tests/golden/log_mel.json"
LENGTHS = {"whole": SAMPLES, "short": 40_123, "long": 150_001}


def signal(length: int) -> np.ndarray:
    """Noise of a linear congruential generator on sawtooth waves, with pauses.

    Args:
        length: Number of samples.
    """
    state, samples = 1, np.zeros(length, np.int16)
    for n in range(length):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        noise = (state >> 16) % 2001 - 1000
        loudness = n // 4_000 % 4
        samples[n] = (noise + n * 37 % 8_000 - 4_000 + n * 301 % 2_000 - 1_000) * loudness // 3
    return samples


def main() -> None:
    """Write the file."""
    golden = {}
    for name, length in LENGTHS.items():
        heard = signal(length)[-SAMPLES:].astype(np.float32) / 32_768
        heard = np.pad(heard, (SAMPLES - heard.size, 0))
        columns = compute_whisper_log_mel_features(heard, do_normalize=True)[:, ::EVERY]
        golden[name] = [[round(float(value), 5) for value in row] for row in columns]
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
