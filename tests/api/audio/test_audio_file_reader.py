"""Reading whatever a user calls an audio file: it is converted, or the error says what is wrong."""

import struct
import tracemalloc

import pytest
from pipecat_rs.audio.audio_file_reader import AudioFileError, AudioFileReader

np = pytest.importorskip("numpy")
soundfile = pytest.importorskip("soundfile")

RATE = 16_000


def sine(rate: int, secs: float = 1.0, channels: int = 1, level: float = 0.5):
    wave = level * np.sin(2 * np.pi * 440 * np.arange(round(rate * secs)) / rate)
    return np.column_stack([wave] * channels)


def read_all(reader: AudioFileReader, rate: int = RATE):
    reader.convert_to(rate)
    parts = []
    while part := reader.read(0.25):
        parts.append(part)
    reader.close()
    return np.frombuffer(b"".join(parts), np.int16) / 32768


@pytest.mark.parametrize(
    ("name", "rate", "channels", "kind"),
    [
        ("phone.wav", 8_000, 1, "PCM_16"),
        ("stereo.wav", 44_100, 2, "PCM_16"),
        ("studio.wav", 48_000, 1, "PCM_24"),
        ("old.wav", 11_025, 1, "PCM_U8"),
        ("float.wav", 44_100, 2, "FLOAT"),
        ("double.wav", 16_000, 1, "DOUBLE"),
        ("wide.wav", 96_000, 6, "PCM_32"),
        ("law.wav", 8_000, 1, "ULAW"),
        ("small.flac", 44_100, 2, "PCM_16"),
        ("small.ogg", 44_100, 2, "VORBIS"),
    ],
)
def test_every_usual_kind_becomes_16_khz_mono(tmp_path, name, rate, channels, kind):
    soundfile.write(tmp_path / name, sine(rate, 1.0, channels), rate, subtype=kind)
    reader = AudioFileReader(tmp_path / name)
    assert (reader.sample_rate, reader.channels) == (rate, channels)
    assert reader.duration == pytest.approx(1.0, abs=0.01)
    assert reader.missing == 0
    heard = read_all(reader)
    assert len(heard) == pytest.approx(RATE, abs=RATE * 0.01)
    middle = heard[4000:12000]
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.argmax(spectrum) * RATE / len(middle) == pytest.approx(440, abs=3)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)


def test_too_loud_a_float_file_is_clipped_and_nonsense_in_it_is_silence(tmp_path):
    samples = np.full(RATE, 3.0, np.float32)
    samples[100:200] = np.nan
    soundfile.write(tmp_path / "loud.wav", samples, RATE, subtype="FLOAT")
    heard = read_all(AudioFileReader(tmp_path / "loud.wav"))
    assert heard.max() == pytest.approx(1.0, abs=0.001)
    assert not heard[100:200].any()


def test_a_file_that_was_cut_off_is_read_to_where_it_ends(tmp_path):
    soundfile.write(tmp_path / "whole.wav", sine(RATE, 2.0), RATE)
    data = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) // 2 + 1])
    reader = AudioFileReader(tmp_path / "cut.wav")
    assert reader.missing == pytest.approx(1.0, abs=0.01)
    assert len(read_all(reader)) == pytest.approx(RATE, abs=100)


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_a_header_that_was_never_completed_does_not_hide_the_audio(tmp_path, length):
    soundfile.write(tmp_path / "whole.wav", sine(RATE), RATE)
    data = bytearray((tmp_path / "whole.wav").read_bytes())
    data[4:8] = data[40:44] = struct.pack("<I", length)
    (tmp_path / "stream.wav").write_bytes(data)
    reader = AudioFileReader(tmp_path / "stream.wav")
    assert reader.missing == 0
    heard = read_all(reader)
    assert len(heard) == RATE
    assert np.abs(heard).max() == pytest.approx(0.5, abs=0.01)


def test_a_silent_file_is_read_and_known_to_be_silent(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    reader = AudioFileReader(tmp_path / "silent.wav")
    assert len(read_all(reader)) == RATE
    assert reader.peak == 0


def good_wav(tmp_path) -> bytes:
    soundfile.write(tmp_path / "good.wav", sine(RATE), RATE)
    return (tmp_path / "good.wav").read_bytes()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda wav: b"", "empty"),
        (lambda wav: b"Dear diary, " * 100, "no audio file"),
        (lambda wav: wav[:30], "cut off"),
        (lambda wav: wav[:40] + bytes(4), "no audio after it"),
        (lambda wav: wav[:44], "no audio after it"),
        (lambda wav: wav[:24] + struct.pack("<I", 0x7FFFFFFF) + wav[28:], "no sample rate"),
        (lambda wav: wav[:24] + bytes(4) + wav[28:], "damaged"),
        (lambda wav: wav[:22] + bytes(2) + wav[24:], "damaged"),
    ],
    ids=["empty", "text", "half a header", "no data", "cut", "rate", "no rate", "no channels"],
)
def test_what_cannot_be_used_is_refused_with_a_reason(tmp_path, make, words):
    path = tmp_path / "bad.wav"
    path.write_bytes(make(good_wav(tmp_path)))
    with pytest.raises(AudioFileError, match=words) as caught:
        AudioFileReader(path)
    assert caught.value.path == path
    assert "bad.wav" in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(AudioFileError, match="no such file"):
        AudioFileReader(tmp_path / "nowhere.wav")
    with pytest.raises(AudioFileError, match="not a file"):
        AudioFileReader(tmp_path)


def test_an_hour_takes_no_more_memory_than_a_minute(tmp_path):
    with soundfile.SoundFile(tmp_path / "hour.wav", "w", 8_000, 1, "PCM_U8") as file:
        for _ in range(60):
            file.write(np.zeros(60 * 8_000))
    reader = AudioFileReader(tmp_path / "hour.wav")
    assert reader.duration == 3600
    reader.convert_to(RATE)
    reader.read(1.0)
    tracemalloc.start()
    read = 0
    while part := reader.read(10.0):
        read += len(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    reader.close()
    assert read == pytest.approx(2 * 3600 * RATE, abs=2 * RATE)
    assert peak < 16e6
