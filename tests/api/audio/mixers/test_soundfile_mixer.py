"""Background sound from files."""

import logging

import numpy as np
import pytest
from pipecat_rs.audio.mixers.soundfile_mixer import SoundfileMixer
from pipecat_rs.frames.frames import MixerEnableFrame, MixerUpdateSettingsFrame

soundfile = pytest.importorskip("soundfile")

RATE = 16_000
FADE = RATE // 50


@pytest.fixture
def sounds(tmp_path):
    """Files of a level each: mono at the rate, and stereo at another one."""
    soundfile.write(tmp_path / "office.wav", np.full(RATE, 1_000, np.int16), RATE)
    soundfile.write(tmp_path / "music.flac", np.full((24_000, 2), 3_000, np.int16), 24_000)
    return {"office": str(tmp_path / "office.wav"), "music": str(tmp_path / "music.flac")}


async def started(sounds, **options) -> SoundfileMixer:
    mixer = SoundfileMixer(sound_files=sounds, default_sound="office", **options)
    await mixer.start(RATE)
    return mixer


async def heard(mixer: SoundfileMixer, samples: int = 320, voice: int = 0) -> list[int]:
    mixed = await mixer.mix(np.full(samples, voice, np.int16).tobytes())
    assert len(mixed) == 2 * samples
    return np.frombuffer(mixed, np.int16).tolist()


async def test_the_default_sound_plays_over_and_over(sounds):
    mixer = await started(sounds)
    assert set(await heard(mixer, 3 * RATE)) == {400}
    assert set(await heard(mixer, 10, voice=7)) == {407}


async def test_settings_change_without_a_click(sounds):
    mixer = await started(sounds, volume=1.0)
    await mixer.process_frame(MixerUpdateSettingsFrame({"sound": "music", "volume": 0.5}))
    change = await heard(mixer, 2 * FADE)
    assert np.abs(np.diff([1_000, *change])).max() < 60
    assert (await heard(mixer, 2_000))[-1] == pytest.approx(1_500, abs=2)


async def test_it_is_switched_off_and_on(sounds):
    mixer = await started(sounds, mixing=False)
    voice = np.arange(-320, 320, dtype=np.int16).tobytes()
    for _ in range(2):
        assert (await mixer.mix(voice * FADE))[-len(voice) :] == voice
        await mixer.process_frame(MixerEnableFrame(True))
        assert (await heard(mixer, FADE))[-1] == 400
        await mixer.process_frame(MixerEnableFrame(False))


async def test_a_sound_that_is_not_repeated_ends(sounds):
    mixer = await started(sounds, loop=False)
    assert (await heard(mixer, 2 * RATE))[RATE - 1 : RATE + 1] == [400, 0]
    await mixer.process_frame(MixerUpdateSettingsFrame({"loop": True, "sound": "office"}))
    assert (await heard(mixer, 2 * RATE))[-1] == 400


async def test_loud_sums_are_bent_not_cut(sounds):
    mixer = await started(sounds, volume=10.0)
    (loud,) = set(await heard(mixer, 50, voice=27_000))
    assert 27_000 < loud < 32_767


async def test_what_cannot_be_had_is_said_and_the_rest_plays(sounds, tmp_path, caplog):
    (tmp_path / "broken.wav").write_bytes(b"RIFFnothing")
    sounds |= {"broken": str(tmp_path / "broken.wav"), "gone": str(tmp_path / "gone.wav")}
    with caplog.at_level(logging.ERROR):
        mixer = await started(sounds)
        await mixer.process_frame(MixerUpdateSettingsFrame({"sound": "broken"}))
        await mixer.process_frame(MixerUpdateSettingsFrame({"sound": "rain"}))
    assert "broken.wav: this is no audio file" in caplog.text
    assert "gone.wav: there is no such file" in caplog.text
    assert "no sound 'rain'" in caplog.text
    assert set(await heard(mixer)) == {400}


async def test_before_the_start_and_after_the_stop_it_changes_nothing(sounds):
    mixer = SoundfileMixer(sound_files=sounds, default_sound="music")
    assert await mixer.mix(b"abcd") == b"abcd"
    await mixer.process_frame(MixerUpdateSettingsFrame({"sound": "office", "volume": 1.0}))
    await mixer.start(RATE)
    assert set(await heard(mixer)) == {1_000}
    await mixer.stop()
    assert await mixer.mix(b"abcd") == b"abcd"


async def test_calls_share_what_is_decoded(sounds):
    from pipecat_rs.audio.mixers import soundfile_mixer

    first, second = await started(sounds), await started(sounds)
    shared = [sound for key, sound in soundfile_mixer._decoded.items() if key[0] in sounds.values()]
    assert len(shared) == 2
    assert set(await heard(first)) == set(await heard(second)) == {400}
