#!/usr/bin/env python3
"""Joins two sentences of a LibriVox reading into python/pipecat_rs/demo/calls/human.wav.

The sentences come with Debian's package pocketsphinx-testdata.
"""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

READINGS = Path("/usr/share/pocketsphinx/test/data/librivox")
SENTENCES = (
    "sense_and_sensibility_01_austen_64kb-0880.wav",  # He was not an ill-disposed young man.
    "sense_and_sensibility_01_austen_64kb-0930.wav",  # He might even have been made amiable …
)
SAMPLE_RATE = 16_000
PAUSES = (0.3, 5.5)  # Seconds before each sentence: the bot answers in the second one.
DEFAULT_OUTPUT = Path(__file__).parents[1] / "python/pipecat_rs/demo/calls/human.wav"


def samples(path: Path) -> bytes:
    """The 16-bit samples of one sentence."""
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (SAMPLE_RATE, 1, 2):
            raise ValueError(f"{path} is not 16 kHz, 16-bit, mono")
        return file.readframes(file.getnframes())


def main() -> None:
    """Write the WAV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=Path, default=READINGS)
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    args = parser.parse_args()
    with wave.open(str(args.output), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for pause, sentence in zip(PAUSES, SENTENCES, strict=True):
            file.writeframes(bytes(2 * round(pause * SAMPLE_RATE)))
            file.writeframes(samples(args.readings / sentence))
    print(f"{args.output}: {args.output.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
