"""The recording of a call: two tracks, each sound at its time, valid at any moment."""

import wave

import pytest
from pipecat_rs.audio.call_recording import CallRecording, Track

np = pytest.importorskip("numpy")

RATE = 1000


def tone(value: int, secs: float) -> bytes:
    return np.full(round(secs * RATE), value, np.int16).tobytes()


def tracks(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    return samples[:, 0], samples[:, 1]


def test_each_side_is_heard_at_its_time(tmp_path):
    recording = CallRecording(tmp_path / "call.wav", RATE)
    recording.append(Track.CALLER, tone(7, 0.5))
    recording.write(Track.BOT, 0.2, tone(9, 0.1))
    recording.close()
    caller, bot = tracks(tmp_path / "call.wav")
    assert (caller == 7).all() and len(caller) == 500
    assert np.flatnonzero(bot).tolist() == list(range(200, 300))


def test_it_is_the_same_whether_it_was_saved_on_the_way_or_not(tmp_path):
    for name, settle in (("once.wav", False), ("often.wav", True)):
        recording = CallRecording(tmp_path / name, RATE)
        for step in range(10):
            recording.append(Track.CALLER, tone(step, 0.1))
            if step % 3 == 0:
                recording.write(Track.BOT, step * 0.1, tone(-step, 0.05))
            if settle:
                recording.save(recording.settle(step * 0.1))
        recording.close()
    assert (tmp_path / "once.wav").read_bytes() == (tmp_path / "often.wav").read_bytes()


def test_a_program_that_dies_leaves_a_valid_file(tmp_path):
    recording = CallRecording(tmp_path / "call.wav", RATE)
    recording.append(Track.CALLER, tone(7, 2.0))
    recording.save(recording.settle(1.5))
    caller, bot = tracks(tmp_path / "call.wav")
    assert len(caller) == 1500 and (caller == 7).all() and not bot.any()
    recording.close()


def test_sound_that_comes_too_late_for_its_place_goes_to_the_end(tmp_path):
    recording = CallRecording(tmp_path / "call.wav", RATE)
    recording.append(Track.CALLER, tone(7, 1.0))
    recording.save(recording.settle(1.0))
    recording.write(Track.BOT, 0.5, tone(9, 0.1))
    recording.close()
    _, bot = tracks(tmp_path / "call.wav")
    assert np.flatnonzero(bot).tolist() == list(range(1000, 1100))


def test_an_empty_call_is_an_empty_wav_and_closing_twice_does_no_harm(tmp_path):
    recording = CallRecording(tmp_path / "new" / "folder" / "call.wav", RATE)
    assert recording.duration == 0
    recording.close()
    recording.close()
    caller, _ = tracks(tmp_path / "new" / "folder" / "call.wav")
    assert len(caller) == 0
