"""A whole run of the demo, with an agent that needs no models."""

import signal
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from pipecat_rs.cli import main

np = pytest.importorskip("numpy")
soundfile = pytest.importorskip("soundfile")
pytest.importorskip("rich")
pytest.importorskip("matplotlib")

from support import parrot  # noqa: E402 — needs numpy

RATE = 16_000


def call(path: Path, *parts: tuple[float, float], rate: int = RATE, **options) -> Path:
    """Write a file of tones and silences, each a pair of seconds and level."""
    audio = [
        level * np.sin(2 * np.pi * 440 * np.arange(round(secs * rate)) / rate)
        for secs, level in parts
    ]
    soundfile.write(path, np.concatenate(audio), rate, **options)
    return path


TWO_TURNS = ((0.5, 0.0), (1.0, 0.5), (2.0, 0.0), (1.0, 0.5), (0.5, 0.0))


@pytest.fixture
def agent(monkeypatch):
    monkeypatch.setitem(sys.modules, "pipecat_rs.demo.voice_agent", parrot.agent())


def demo(capsys, path: Path, *options: str) -> tuple[int, str]:
    code = main(
        ["demo", "--fast", "--input", str(path), "--output", str(path.parent / "out"), *options]
    )
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return code, captured.out


def duration(recording: Path) -> float:
    with wave.open(str(recording)) as file:
        assert file.getnchannels() == 2
        return file.getnframes() / file.getframerate()


def test_a_call_is_held_shown_measured_recorded_and_drawn(tmp_path, agent, capsys):
    code, printed = demo(capsys, call(tmp_path / "my.wav", *TWO_TURNS))
    assert code == 0
    for words in ("squawk 1", "Squawk 1 yourself.", "squawk 2", "Squawk 2 yourself."):
        assert words in printed
    for heading in ("transcript", "1st token", "1st audio", "played", "in all"):
        assert heading in printed
    for figure in ("frames were routed", "output lateness", "µs"):
        assert figure in printed
    assert 5.5 < duration(tmp_path / "out" / "my-call.wav") < 10
    assert (tmp_path / "out" / "my-call.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_can_be_left_out(tmp_path, agent, capsys):
    code, _ = demo(capsys, call(tmp_path / "my.wav", *TWO_TURNS), "--no-picture")
    assert code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["my-call.wav"]


@pytest.mark.parametrize(
    ("rate", "subtype"), [(44_100, "PCM_16"), (48_000, "PCM_24"), (8_000, "PCM_U8")]
)
def test_a_users_file_of_another_kind_is_understood(tmp_path, agent, capsys, rate, subtype):
    path = call(tmp_path / "my.wav", *TWO_TURNS, rate=rate, subtype=subtype)
    code, printed = demo(capsys, path, "--no-picture")
    assert code == 0
    assert "Squawk 2 yourself." in printed


def test_a_silent_file_is_said_to_be_silent(tmp_path, agent, capsys):
    code, printed = demo(capsys, call(tmp_path / "my.wav", (2.0, 0.0)))
    assert code == 0
    assert "silent" in printed
    assert (tmp_path / "out" / "my-call.png").exists()


def test_a_file_without_speech_is_said_to_have_none(tmp_path, agent, capsys):
    code, printed = demo(capsys, call(tmp_path / "my.wav", (2.0, 0.01)), "--no-picture")
    assert code == 0
    assert "No speech" in printed


def test_a_file_that_was_cut_off_is_used_and_said_to_be_cut_off(tmp_path, agent, capsys):
    whole = call(tmp_path / "whole.wav", *TWO_TURNS).read_bytes()
    (tmp_path / "my.wav").write_bytes(whole[: len(whole) // 2])
    code, printed = demo(capsys, tmp_path / "my.wav", "--no-picture")
    assert code == 0
    assert "cut off" in printed
    assert "Squawk 1 yourself." in printed


def test_a_long_call_is_announced_and_can_be_held_fast(tmp_path, agent, capsys):
    turns = [part for _ in range(60) for part in ((1.0, 0.5), (9.0, 0.0))]
    path = call(tmp_path / "my.wav", *turns, rate=8_000)
    code, printed = demo(capsys, path)
    assert code == 0
    assert "10 min" in printed
    assert "Squawk 60 yourself." in printed
    assert 600 < duration(tmp_path / "out" / "my-call.wav") < 610


def stopped(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the demo in a process of its own that gets a Ctrl-C."""
    path = call(tmp_path / "my.wav", *TWO_TURNS)
    return subprocess.run(
        [sys.executable, parrot.__file__, "--input", str(path), *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=25,
    )


@pytest.mark.parametrize("turns", [0, 1])
def test_ctrl_c_in_mid_call_keeps_what_was_recorded_so_far(tmp_path, turns):
    done = stopped(tmp_path, "--fast", "--stop-after", str(turns))
    assert done.returncode == 128 + signal.SIGINT
    assert "Traceback" not in done.stderr
    assert "Stopped." in done.stdout
    assert ("Squawk 1 yourself." in done.stdout) == (turns > 0)
    assert 0.4 < duration(tmp_path / "demo-output" / "my-call.wav") < 4.5
    assert (tmp_path / "demo-output" / "my-call.png").exists()


def test_ctrl_c_before_the_call_ends_the_program_without_a_recording(tmp_path):
    done = stopped(tmp_path, "--stop-after", str(parrot.BEFORE_THE_CALL))
    assert done.returncode == 128 + signal.SIGINT
    assert "Traceback" not in done.stderr
    assert "nothing was recorded" in done.stdout
    assert not (tmp_path / "demo-output").exists()
