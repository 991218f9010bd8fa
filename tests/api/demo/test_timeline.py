"""The picture of a call: drawn for any call, from none to an hour."""

import wave

import pytest
from pipecat_rs.demo.conversation import Conversation
from pipecat_rs.demo.timeline import draw_timeline, read_voices

np = pytest.importorskip("numpy")
pytest.importorskip("matplotlib")
pytest.importorskip("soundfile")


def record(path, secs: float, rate: int = 1000):
    noise = np.random.default_rng(1).normal(0, 3000, (round(secs * rate), 2)).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(noise.tobytes())
    return path


def talk(turns: int) -> Conversation:
    conversation = Conversation()
    for number in range(turns):
        at = 6.0 * number
        conversation.caller_started(at)
        conversation.caller_stopped(at + 1)
        conversation.understood(at + 1.3, f"Question {number}, and $what \\ever {{else}} there is?")
        conversation.turn_ended(at + 1.5)
        conversation.token(at + 2, "An answer that is long enough to be wrapped, " * 4)
        conversation.audio_made(at + 2.1)
        conversation.bot_started(at + 2.2)
        if number % 2:
            conversation.interrupted(at + 4)
        conversation.bot_stopped(at + 4)
    conversation.finish(6.0 * turns)
    return conversation


@pytest.mark.parametrize(("turns", "secs"), [(0, 0.0), (0, 3.0), (1, 6.0), (4, 30.0), (100, 600.0)])
def test_any_call_becomes_a_picture(tmp_path, turns, secs):
    voices = read_voices(record(tmp_path / "call.wav", secs))
    picture = tmp_path / "call.png"
    draw_timeline(talk(turns), voices, picture, title="A call: $x_1$", notes=["one: 1", "two: 2"])
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 10_000


def test_the_loudness_of_both_sides_is_read(tmp_path):
    voices = read_voices(record(tmp_path / "call.wav", 20.0))
    assert voices.duration == 20.0
    assert len(voices.caller) == len(voices.bot) > 1000
    assert 0.05 < voices.caller.max() <= 1
