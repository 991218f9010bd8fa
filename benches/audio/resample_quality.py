"""Our resampler beside soxr, which pipecat uses: noise, ripple, aliases, delay and CPU time.

    python benches/audio/resample_quality.py            # a table on standard output
    python benches/audio/resample_quality.py --markdown

Both convert the same 16-bit sines in one process, under the interpreter of `vs_pipecat` (which has
soxr) if this one has none. For each pair of rates:

- **signal to noise** of 997 Hz at -1 dBFS: all that a fitted sine leaves;
- **ripple**: difference between the highest and the lowest gain from 0.02 to 0.9 of the lower
  Nyquist frequency, at -6 dBFS;
- **edge**: gain at 0.95 of it;
- **alias**: the loudest of what is left of sines above the lower Nyquist frequency (of images of
  sines below it, if the rate goes up), relative to the sine;
- **delay**: most by which output lags behind input that comes in pieces of 10 ms;
- **CPU** for 20 ms of a stream.

soxr dithers 16-bit output, which costs it 3 to 6 dB of noise; we round.
"""

# ruff: noqa: E402 (imports behind the switch of interpreters; the dash is meant)

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benches" / "vs_pipecat"), str(ROOT / "python")]

try:
    import numpy as np
    import soxr
except ImportError:
    import environment

    os.execv(environment.pipecat_python(), ["python", __file__, *sys.argv[1:]])

from pipecat_rs.audio.dsp import Resampler

PAIRS = (
    (8_000, 16_000),
    (16_000, 8_000),
    (16_000, 24_000),
    (24_000, 16_000),
    (24_000, 8_000),
    (22_050, 16_000),
    (44_100, 16_000),
    (44_100, 48_000),
    (48_000, 16_000),
    (48_000, 44_100),
)
HEADINGS = ("rates", "resampler", "S/N", "ripple", "edge", "alias", "delay", "CPU, 20 ms")
LOUD, HALF = 29_204.0, 16_384.0
Stream = Callable[[np.ndarray, bool], np.ndarray]
"""Takes a piece, and whether it is the last; returns what is ready."""


def ours(given: int, wanted: int) -> Stream:
    """A stream through pipecat_rs."""
    resampler = Resampler(given, wanted)

    def convert(piece: np.ndarray, last: bool) -> np.ndarray:
        ready = resampler.process(piece)
        if last:
            ready = np.concatenate((ready, np.frombuffer(resampler.flush(), np.int16)))
        return ready

    return convert


def soxrs(quality: str) -> Callable[[int, int], Stream]:
    """What makes streams through soxr at one of its qualities."""

    def make(given: int, wanted: int) -> Stream:
        stream = soxr.ResampleStream(given, wanted, 1, dtype="int16", quality=quality)
        return lambda piece, last: stream.resample_chunk(piece, last=last)

    return make


RESAMPLERS = {"pipecat_rs": ours, "soxr HQ": soxrs("HQ"), "soxr VHQ": soxrs("VHQ")}


def sine(frequency: float, rate: int, amplitude: float) -> np.ndarray:
    """A second of it."""
    return np.round(amplitude * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)).astype("i2")


def middle(samples: np.ndarray) -> np.ndarray:
    """What is not near the edges, as numbers."""
    return samples[samples.size // 8 : samples.size * 7 // 8].astype(float)


def fitted(samples: np.ndarray, frequency: float, rate: int) -> tuple[float, float]:
    """Amplitude of a sine fitted to the middle, and the root mean square of what it leaves."""
    values = middle(samples)
    angle = 2 * np.pi * frequency * np.arange(values.size) / rate
    basis = np.stack((np.sin(angle), np.cos(angle)), axis=1)
    parts, *_ = np.linalg.lstsq(basis, values, rcond=None)
    return float(np.hypot(*parts)), float(np.sqrt(np.mean((values - basis @ parts) ** 2)))


def decibels(ratio: float) -> float:
    """A ratio of amplitudes in dB."""
    return 20 * float(np.log10(max(ratio, 1e-9)))


def gain(make: Callable[[int, int], Stream], given: int, wanted: int, part: float) -> float:
    """At a part of the lower Nyquist frequency, in dB."""
    frequency = part * min(given, wanted) / 2
    converted = make(given, wanted)(sine(frequency, given, HALF), True)
    return decibels(fitted(converted, frequency, wanted)[0] / HALF)


def loudest_alias(make: Callable[[int, int], Stream], given: int, wanted: int) -> float:
    """Of sines that must not pass, or of the images of those that do, in dB."""
    found = []
    if wanted < given:
        for part in (1.0, 1.02, 1.05, 1.1, 1.3, 1.7, 1.95, 2.9):
            frequency = part * wanted / 2 + 1
            if frequency < given / 2:
                converted = make(given, wanted)(sine(frequency, given, LOUD), True)
                found.append(float(np.sqrt(np.mean(middle(converted) ** 2))))
    else:
        for part in (0.5, 0.8, 0.9, 0.95, 0.99):
            frequency = part * given / 2
            converted = make(given, wanted)(sine(frequency, given, LOUD), True)
            found.append(fitted(converted, frequency, wanted)[1])
    return decibels(max(found) / (LOUD / 2**0.5))


def delay_ms(make: Callable[[int, int], Stream], given: int, wanted: int) -> float:
    """Time that went in less time that came out, at its largest."""
    stream, came, most = make(given, wanted), 0, 0.0
    piece = np.zeros(given // 100, "i2")
    for number in range(1, 101):
        came += stream(piece, False).size
        most = max(most, number * piece.size / given - came / wanted)
    return most * 1000


def cpu_us(make: Callable[[int, int], Stream], given: int, wanted: int) -> float:
    """For 20 ms of a stream, the least mean of some batches."""
    stream, piece, calls = make(given, wanted), sine(440, given, HALF)[: given // 50], 200
    least = float("inf")
    for _ in range(15):
        begin = time.process_time_ns()
        for _ in range(calls):
            stream(piece, False)
        least = min(least, (time.process_time_ns() - begin) / calls / 1000)
    return least


def row(name: str, given: int, wanted: int) -> tuple[str, ...]:
    """One resampler at one pair of rates."""
    make = RESAMPLERS[name]
    amplitude, noise = fitted(make(given, wanted)(sine(997, given, LOUD), True), 997, wanted)
    gains = [gain(make, given, wanted, 0.02 + 0.04 * step) for step in range(23)]
    return (
        f"{given} → {wanted}",
        name,
        f"{decibels(amplitude / 2**0.5 / noise):.1f} dB",
        f"{max(gains) - min(gains):.3f} dB",
        f"{gain(make, given, wanted, 0.95):.2f} dB",
        f"{loudest_alias(make, given, wanted):.0f} dB",
        f"{delay_ms(make, given, wanted):.1f} ms",
        f"{cpu_us(make, given, wanted):.1f} µs",
    )


def show(rows: Sequence[tuple[str, ...]], markdown: bool) -> None:
    """Print the table."""
    if markdown:
        print(f"| {' | '.join(HEADINGS)} |\n|---|---|{'--:|' * (len(HEADINGS) - 2)}")
        print("\n".join(f"| {' | '.join(each)} |" for each in rows))
        return
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    for each in (HEADINGS, *rows):
        print("  ".join(text.rjust(width) for text, width in zip(each, widths, strict=True)))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--markdown", action="store_true", help="the table for a README")
    given = parser.parse_args()
    show([row(name, *pair) for pair in PAIRS for name in RESAMPLERS], given.markdown)


if __name__ == "__main__":
    main()
