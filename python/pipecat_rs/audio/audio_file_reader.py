"""Reads an audio file of any usual kind as a stream of 16-bit mono audio at the rate wanted.

The file is decoded block by block: an hour takes no more memory than a second.
"""

from __future__ import annotations

import io
import struct
import threading
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pipecat_rs.audio.dsp import Resampler
from pipecat_rs.exceptions import MissingDependencyError, PipecatError

if TYPE_CHECKING:
    import numpy as np

_RATES = range(4_000, 384_001)
_UNKNOWN_LENGTH = 0xFFFFFFFF


class AudioFileError(PipecatError, ValueError):
    """A file that cannot be used as audio; the message says why and what to do.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, problem: str, hint: str | None = None) -> None:
        """Initialize the error.

        Args:
            path: The file.
            problem: What is wrong with it.
            hint: What to do about it.
        """
        super().__init__(f"{path}: {problem}", hint=hint)
        self.path = path


class AudioFileReader:
    """One pass through an audio file.

    Attributes:
        path: The file.
        sample_rate: The file's own, in Hz.
        channels: The file's own; they are mixed to one.
        format: The file's format in words, such as "WAV, 24-bit".
        duration: Seconds of audio that the file really holds.
        missing: Seconds that its header promises beyond that, because it was cut off.
        peak: The loudest sample read so far, 1.0 being full scale.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a file and look at its header.

        Args:
            path: WAV, FLAC, Ogg, MP3, AIFF, or whatever else libsndfile knows.

        Raises:
            AudioFileError: If it is missing, empty, holds no audio, or is no audio file.
            MissingDependencyError: If soundfile is not installed.
        """
        self.path = Path(path)
        soundfile = _import_soundfile(self.path)
        length = _file_length(self.path)
        wav = _WavData.find(self.path, length)
        opened = wav.repaired(self.path) if wav else self.path
        self._patched = opened if isinstance(opened, _PatchedFile) else None
        try:
            self._file: Any = soundfile.SoundFile(opened)
        except soundfile.SoundFileError as error:
            if self._patched:
                self._patched.close()
            raise AudioFileError(
                self.path,
                f"this is no audio file, or its beginning is damaged or cut off ({_reason(error)})",
                "use a WAV, FLAC, Ogg or MP3 file",
            ) from error
        self.sample_rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.format = f"{self._file.format}, {self._file.subtype_info}"
        self.duration = self._file.frames / max(self.sample_rate, 1)
        self.missing = wav.missing_secs() if wav else 0.0
        self.peak = 0.0
        self._rate = 0
        self._resampler: Resampler | None = None
        self._ended = False
        # A call that is cancelled closes the file while a thread may still be decoding it.
        self._lock = threading.Lock()
        self._check()

    def convert_to(self, sample_rate: int) -> None:
        """Say at which rate `read` is to give out samples. To be called once, before it.

        Args:
            sample_rate: In Hz.

        Raises:
            ValueError: If it is not from 4000 to 384000 Hz.
        """
        self._rate = sample_rate
        if sample_rate != self.sample_rate:
            self._resampler = Resampler(self.sample_rate, sample_rate)

    def read(self, secs: float) -> bytes:
        """Decode the next part of the file. Blocks on the disk: meant for a worker thread.

        Args:
            secs: About how much to read.

        Returns:
            16-bit mono samples; none at the end of the file. Damage in the middle of the file
            ends it there.
        """
        import numpy as np

        if self._ended:
            return b""
        block = self._decode(max(1, round(secs * self.sample_rate)))
        self._ended = len(block) == 0
        mono = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0).mean(axis=1, dtype=np.float32)
        if mono.size:
            self.peak = max(self.peak, float(np.abs(mono).max()))
        samples = np.clip(np.round(mono * 32768.0), -32768, 32767).astype(np.int16).tobytes()
        if self._resampler is not None:
            samples = self._resampler.process(samples)
            if self._ended:
                samples += self._resampler.flush()
        if not samples and not self._ended:
            return self.read(secs)  # The resampler has only filled its filter so far.
        return samples

    def close(self) -> None:
        """Close the file. May be called more than once, and while another thread reads."""
        with self._lock:
            self._file.close()
            if self._patched:
                self._patched.close()

    def _decode(self, frames: int) -> np.ndarray:
        import numpy as np

        with self._lock:
            try:
                return self._file.read(frames, dtype="float32", always_2d=True)
            except RuntimeError:  # Damage that soundfile meets on the way, or a closed file.
                return np.empty((0, self.channels), np.float32)

    def _check(self) -> None:
        problem = None
        if self._file.frames <= 0:
            problem = "the file has a header but no audio after it"
        elif self.sample_rate not in _RATES:
            problem = (
                f"{self.sample_rate} Hz is no sample rate that can be read (those from "
                f"{_RATES.start} to {_RATES.stop - 1} Hz can): perhaps the header is damaged"
            )
        if problem:
            self.close()
            raise AudioFileError(self.path, problem, "record or convert it again")


class _WavData:
    """Where a WAV file keeps its samples, and how many its header promises.

    A program that is killed while it records leaves a header that says 0, or more than there is.
    """

    def __init__(self, header: bytes, declared: int, present: int, bytes_a_second: int) -> None:
        self._header = header
        self._declared = declared
        self._present = present
        self._bytes_a_second = bytes_a_second

    @classmethod
    def find(cls, path: Path, length: int) -> _WavData | None:
        with path.open("rb") as file:
            start = file.read(12)
            if start[:4] != b"RIFF" or start[8:] != b"WAVE":
                return None
            bytes_a_second = 0
            while len(head := file.read(8)) == 8:
                name, size = struct.unpack("<4sI", head)
                if name == b"data":
                    offset = file.tell()
                    file.seek(0)
                    return cls(file.read(offset), size, length - offset, bytes_a_second)
                body = file.read(min(size + size % 2, 1 << 20))
                if name == b"fmt " and len(body) >= 12:
                    bytes_a_second = struct.unpack_from("<I", body, 8)[0]
        return None

    def missing_secs(self) -> float:
        if self._declared == _UNKNOWN_LENGTH or not self._bytes_a_second:
            return 0.0
        return max(0, self._declared - self._present) / self._bytes_a_second

    def repaired(self, path: Path) -> Any:
        """What to open: the file itself, unless its header says that there are no samples."""
        if self._declared or not self._present:
            return path
        size = min(self._present, _UNKNOWN_LENGTH - 1)
        return _PatchedFile(path, self._header[:-4] + struct.pack("<I", size))


class _PatchedFile(io.FileIO):
    """A file read as if its first bytes were others."""

    def __init__(self, path: Path, start: bytes) -> None:
        super().__init__(path, "rb")
        self._start = start

    def readinto(self, buffer: Any) -> int:
        at = self.tell()
        count = super().readinto(buffer) or 0
        patch = self._start[at : at + count]
        memoryview(buffer)[: len(patch)] = patch
        return count

    def read(self, size: int | None = -1) -> bytes:
        at = self.tell()
        data = super().read(-1 if size is None else size) or b""
        patch = self._start[at : at + len(data)]
        return patch + data[len(patch) :]


def _file_length(path: Path) -> int:
    if not path.exists():
        raise AudioFileError(path, "there is no such file")
    if not path.is_file():
        raise AudioFileError(path, "this is not a file", "name an audio file")
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
    except OSError as error:
        raise AudioFileError(path, f"the file cannot be read ({error.strerror})") from error
    if not length:
        raise AudioFileError(path, "the file is empty (0 bytes)", "record it again")
    return length


def _import_soundfile(path: Path) -> ModuleType:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: soundfile is there, libsndfile is not.
        raise MissingDependencyError.of(
            "soundfile", needed_by=f"reading {path}", extra="local"
        ) from error
    return soundfile


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).strip().rstrip(".")
