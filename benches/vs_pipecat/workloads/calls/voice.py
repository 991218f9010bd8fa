"""Writes what callers say into a WAV file: a question, spoken by hibari, 16 kHz mono.

    python voice.py speech.wav

Needs pipecat_rs's `local` extra, which has hibari.
"""

import sys
import wave
from pathlib import Path

SENTENCE = "What will the weather be like in Paris tomorrow?"
RATE = 16_000


def main(path: Path) -> None:
    """Speak and write."""
    import numpy as np
    from hibari import Hibari

    voice = Hibari()
    spoken = np.concatenate(
        [voice.from_ids(voice.ids(phonemes), 1.0) for phonemes in voice.phonemize(SENTENCE)]
    )
    samples = len(spoken) * RATE // voice.sample_rate
    spectrum = np.fft.rfft(spoken)[: samples // 2 + 1]
    spoken = np.fft.irfft(spectrum, samples) * samples / len(spoken)
    spoken = spoken / max(abs(spoken).max(), 1e-9) * 0.7
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((spoken * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
