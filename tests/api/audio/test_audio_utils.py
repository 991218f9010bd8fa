"""Small operations on raw audio."""

import io
import wave

import numpy as np
import pytest
from pipecat_rs.audio import utils
from pipecat_rs.audio.g711 import alaw_to_linear, linear_to_alaw, linear_to_ulaw, ulaw_to_linear
from pipecat_rs.audio.loudness import integrated_loudness
from pipecat_rs.audio.resamplers.soxr_resampler import SOXRAudioResampler

RATE = 16000


def pcm(*samples: int) -> bytes:
    return np.array(samples, np.int16).tobytes()


def samples(audio: bytes) -> list[int]:
    return np.frombuffer(audio, np.int16).tolist()


def tone(frequency: float, seconds: float, rate: int = RATE, amplitude: float = 8000) -> bytes:
    time = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.int16).tobytes()


def test_mixing_pads_and_clips():
    mixed = utils.mix_audio(pcm(1, 30000, -30000, 4), pcm(2, 30000, -30000))
    assert samples(mixed) == [3, 32767, -32768, 4]


def test_stereo_is_as_long_as_the_shorter_channel():
    assert samples(utils.interleave_stereo_audio(pcm(1, 2, 3), pcm(4, 5))) == [1, 4, 2, 5]


def test_wav_files_hold_whole_samples():
    audio = utils.pcm_to_wav(pcm(1, 2, 3, 4, 5) + b"x", 8000, num_channels=2)
    with wave.open(io.BytesIO(audio)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 2)
        assert samples(file.readframes(2)) == [1, 2, 3, 4]


def test_numbers():
    assert utils.normalize_value(5, 0, 10) == 0.5
    assert utils.normalize_value(-5, 0, 10) == 0
    assert utils.normalize_value(50, 0, 10) == 1
    assert utils.exp_smoothing(1.0, 0.0, 0.25) == 0.25


EVERY_SAMPLE = np.arange(-32768, 32768, dtype=np.int16)


@pytest.mark.parametrize(
    ("encode", "decode", "coarsest"),
    [(linear_to_ulaw, ulaw_to_linear, 644), (linear_to_alaw, alaw_to_linear, 512)],
)
def test_telephone_codes_keep_the_sound(encode, decode, coarsest: int):
    there_and_back = np.frombuffer(decode(encode(EVERY_SAMPLE.tobytes())), np.int16)
    error = np.abs(there_and_back.astype(int) - EVERY_SAMPLE)
    assert error.max() <= coarsest
    quiet = np.abs(EVERY_SAMPLE.astype(int)) < 100
    assert error[quiet].max() <= 8
    codes = bytes(range(256))
    again = np.frombuffer(encode(decode(codes)), np.uint8)
    differing = np.flatnonzero(again != np.arange(256))
    assert differing.tolist() in ([], [0x7F])  # μ-law has two zeros


@pytest.mark.parametrize(
    ("encode", "sample", "code"),
    [
        # ITU-T G.711: silence and full scale.
        (linear_to_ulaw, 0, 0xFF),
        (linear_to_ulaw, 32767, 0x80),
        (linear_to_ulaw, -32768, 0x00),
        (linear_to_alaw, 0, 0xD5),
        (linear_to_alaw, -1, 0x55),
        (linear_to_alaw, 32767, 0xAA),
        (linear_to_alaw, -32768, 0x2A),
    ],
)
def test_telephone_codes_of_known_samples(encode, sample: int, code: int):
    assert encode(pcm(sample)) == bytes([code])


async def test_telephone_audio_is_resampled():
    resampler = SOXRAudioResampler()
    audio = tone(440, 0.1, 8000)
    encoded = await utils.pcm_to_ulaw(audio, 8000, 8000, resampler)
    assert len(await utils.ulaw_to_pcm(encoded, 8000, 16000, resampler)) == 2 * len(audio)
    encoded = await utils.pcm_to_alaw(audio, 8000, 8000, resampler)
    assert len(await utils.alaw_to_pcm(encoded, 8000, 16000, resampler)) == 2 * len(audio)


RATES = [(16000, 24000), (24000, 16000), (44100, 16000), (8000, 16000), (48000, 8000)]


@pytest.mark.parametrize(("in_rate", "out_rate"), RATES)
async def test_resampling_keeps_a_tone(in_rate: int, out_rate: int):
    resampler = SOXRAudioResampler()
    converted = await resampler.resample(tone(440, 0.5, in_rate), in_rate, out_rate)
    wanted = np.frombuffer(tone(440, 0.5, out_rate), np.int16).astype(int)
    got = np.frombuffer(converted, np.int16).astype(int)
    assert got.size == wanted.size
    middle = slice(out_rate // 50, -out_rate // 50)
    # Samples stand at their time to within a twentieth of one, and are rounded.
    steepest = 8000 * 2 * np.pi * 440 / out_rate
    assert np.abs(got - wanted)[middle].max() <= 4 + steepest / 20


async def test_resampling_folds_nothing_back():
    resampler = SOXRAudioResampler()
    converted = await resampler.resample(tone(10_000, 0.5, 48000), 48000, 16000)
    middle = np.frombuffer(converted, np.int16)[200:-200]
    assert np.abs(middle).max() <= 2
    assert await resampler.resample(b"", 48000, 16000) == b""
    assert await resampler.resample(b"same", 16000, 16000) == b"same"


async def test_resamplers_are_made_for_files_and_streams():
    assert isinstance(utils.create_file_resampler(quality="HQ"), SOXRAudioResampler)
    stream = utils.create_stream_resampler()
    assert len(await stream.resample(tone(440, 1.0), RATE, 8000)) > 0


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
def test_loudness_of_a_full_scale_tone(rate: int):
    # BS.1770: a sine of 997 Hz at full scale is -3.01 LUFS.
    time = np.arange(rate) / rate
    sine = 32767 * np.sin(2 * np.pi * 997 * time)
    assert integrated_loudness(sine.astype(np.int16), rate) == pytest.approx(-3.01, abs=0.05)
    quiet = (sine / 10).astype(np.int16).tobytes()
    assert integrated_loudness(quiet, rate) == pytest.approx(-23.01, abs=0.05)


def test_loudness_leaves_silence_out():
    sine = tone(997, 1.0)
    padded = bytes(2 * RATE) + sine
    assert integrated_loudness(padded, RATE) == pytest.approx(
        integrated_loudness(sine, RATE), abs=1.0
    )
    assert integrated_loudness(bytes(2 * RATE), RATE) == float("-inf")
    with pytest.raises(ValueError, match="needs 6400 samples of audio, got 100"):
        integrated_loudness(bytes(200), RATE)


def test_volume():
    assert utils.calculate_audio_volume(bytes(RATE), RATE) == 0
    quiet, loud = (tone(1000, 0.5, amplitude=a) for a in (100, 10000))
    volumes = [utils.calculate_audio_volume(audio, RATE) for audio in (quiet, loud)]
    assert 0 < volumes[0] < volumes[1] <= 1


def test_speech_onset_is_where_sound_stays():
    silence = bytes(2 * 3200)
    assert utils.detect_speech_onset(silence, RATE) is None
    click = pcm(20000)
    audio = silence + click + silence + tone(440, 0.2)
    onset = utils.detect_speech_onset(audio, RATE)
    assert onset == pytest.approx(6401, abs=0.01 * RATE)
    stereo = np.repeat(np.frombuffer(audio, np.int16), 2).tobytes()
    assert utils.detect_speech_onset(stereo, RATE, 2) == onset


def test_no_onset_without_enough_audio():
    assert utils.detect_speech_onset(b"", RATE) is None
    assert utils.detect_speech_onset(b"x", RATE) is None
    assert utils.detect_speech_onset(tone(440, 0.005), RATE) is None
    assert utils.detect_speech_onset(tone(440, 0.03), RATE) is None
    assert utils.detect_speech_onset(tone(440, 0.2), 0) is None


def test_what_other_modules_do_is_found_here_too():
    assert utils.is_silence(bytes(100))
    assert not utils.is_silence(pcm(utils.SPEAKING_THRESHOLD + 1))
    assert samples(utils.scale_audio(pcm(100), 0.5)) == [50]
