"""Recordings in files: WAV natively, Ogg/Opus through soundfile's libsndfile.

An extension that was built with the cargo feature ``opus`` writes Ogg/Opus by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from pipecat_rs import _core
from pipecat_rs.audio.dsp import Resampler, WavRecorder
from pipecat_rs.exceptions import MissingDependencyError

_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_OPUS_SUFFIXES = (".ogg", ".opus")


class AudioRecorder(Protocol):
    """Writes a stream of 16-bit audio into a file. Its methods block on the disk."""

    def process(self, audio: bytes, /) -> None:
        """Write the next piece.

        Raises:
            OSError: If the disk is full, or the file too long for its format.
        """

    def sync(self) -> None:
        """Make the file valid as it is, where its format allows that: a WAV is, then."""

    def finish(self) -> None:
        """Complete the file. May be called again."""


def open_recorder(path: str | Path, sample_rate: int, num_channels: int = 1) -> AudioRecorder:
    """Begin a recording. The file's name says its format. Blocks on the disk.

    Args:
        path: A file that ends with ``.wav``, or with ``.ogg`` or ``.opus`` for Opus, which takes a
            tenth of the room. Folders that are missing are made.
        sample_rate: Rate of the audio, 4000 to 384000 Hz. Opus has 8, 12, 16, 24 and 48 kHz;
            audio at other rates is converted to the next higher one.
        num_channels: 1, or 2 interleaved.

    Raises:
        ValueError: If the name ends otherwise, or there are other numbers of channels.
        OSError: If the file cannot be made.
        MissingDependencyError: If soundfile is needed, and is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".wav", *_OPUS_SUFFIXES):
        raise ValueError(f"a recording is a .wav, .ogg or .opus file, not {path.name!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".wav":
        return WavRecorder(path, sample_rate, num_channels)
    return _OpusRecorder(path, sample_rate, num_channels)


class _OpusRecorder:
    """Brings audio to a rate of Opus, and hands it to who encodes."""

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        rate = next((rate for rate in _OPUS_RATES if rate >= sample_rate), _OPUS_RATES[-1])
        self._resampler = Resampler(sample_rate, rate, channels) if rate != sample_rate else None
        native: Any = getattr(_core, "OggOpusRecorder", None) or _SoundfileRecorder
        self._file: Any = native(path, rate, channels)

    def process(self, audio: bytes, /) -> None:
        if self._file is None:
            raise ValueError("the recording is finished: make another recorder to go on")
        self._file.process(self._resampler.process(audio) if self._resampler else audio)

    def sync(self) -> None:
        pass  # an Ogg file is valid up to its last page

    def finish(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        try:
            if self._resampler:
                file.process(self._resampler.flush())
        finally:
            file.finish()


class _SoundfileRecorder:
    """An Ogg/Opus file that libsndfile writes."""

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        try:
            import soundfile
        except (ImportError, OSError) as error:  # OSError: soundfile is there, libsndfile is not.
            raise MissingDependencyError.of(
                "soundfile", needed_by=f"recording to {path}", extra="local"
            ) from error
        if channels not in (1, 2):
            raise ValueError(f"{channels} channels are not supported: 1 or 2 are")
        self._frame_bytes = 2 * channels
        self._rest = b""
        self._file = soundfile.SoundFile(
            path, "w", sample_rate, channels, format="OGG", subtype="OPUS"
        )

    def process(self, audio: bytes, /) -> None:
        audio = self._rest + audio
        whole = len(audio) - len(audio) % self._frame_bytes
        self._rest = audio[whole:]
        self._file.buffer_write(audio[:whole], "int16")

    def finish(self) -> None:
        self._file.close()
