"""Recordings in files, by the file's name."""

import numpy as np
import pytest
from pipecat_rs.audio import recording
from pipecat_rs.audio.recording import open_recorder
from pipecat_rs.exceptions import MissingDependencyError

soundfile = pytest.importorskip("soundfile")


def tone(rate: int, seconds: float, channels: int = 1) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    mono = (8_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    return np.repeat(mono, channels)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
@pytest.mark.parametrize("suffix", ["wav", "ogg", "opus"])
def test_what_was_recorded_is_heard(tmp_path, suffix: str, rate: int, channels: int):
    audio = tone(rate, 1.5, channels)
    recorder = open_recorder(tmp_path / "calls" / f"a.{suffix}", rate, channels)
    for at in range(0, audio.size, 777):
        recorder.process(audio[at : at + 777].tobytes())
        recorder.sync()
    recorder.finish()
    recorder.finish()
    heard, its_rate = soundfile.read(
        tmp_path / "calls" / f"a.{suffix}", dtype="int16", always_2d=True
    )
    assert heard.shape[1] == channels
    assert heard.shape[0] / its_rate == pytest.approx(1.5, abs=0.001)
    middle = heard[its_rate // 2 : its_rate, 0].astype(float)
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.argmax(spectrum) * its_rate / middle.size == pytest.approx(440, abs=3)
    assert middle.std() == pytest.approx(8_000 / 2**0.5, rel=0.1)
    with pytest.raises(ValueError, match="finished"):
        recorder.process(b"")


def test_opus_takes_a_tenth_of_the_room(tmp_path):
    for suffix in ("wav", "ogg"):
        recorder = open_recorder(tmp_path / f"a.{suffix}", 16_000)
        recorder.process(tone(16_000, 10).tobytes())
        recorder.finish()
    assert (tmp_path / "a.ogg").stat().st_size < (tmp_path / "a.wav").stat().st_size / 4


def test_other_names_and_channels_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.wav, \.ogg or \.opus file, not 'a\.mp3'"):
        open_recorder(tmp_path / "a.mp3", 16_000)
    for name in ("a.wav", "a.ogg"):
        with pytest.raises(ValueError, match="3 channels are not supported"):
            open_recorder(tmp_path / name, 16_000, 3)


def test_opus_without_soundfile_says_what_to_install(tmp_path, monkeypatch: pytest.MonkeyPatch):
    if hasattr(recording._core, "OggOpusRecorder"):
        pytest.skip("this extension encodes by itself")
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(MissingDependencyError, match=r"pipecat-rs\[local\]"):
        open_recorder(tmp_path / "a.ogg", 16_000)
