"""The calls that come with the demo, held with the real models, in less than their time."""

import subprocess
import sys
from pathlib import Path

import pytest

for package in ("faster_whisper", "xllamacpp", "hibari", "onnxruntime", "rich", "matplotlib"):
    pytest.importorskip(package)

# The models take their time on a machine that does other things as well.
pytestmark = pytest.mark.timeout(180)


def hold(tmp_path: Path, call: str) -> str:
    command = [sys.executable, "-m", "pipecat_rs.cli", "demo", "--fast", "--call", call]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / "demo-output" / f"{call}-call.png").exists()
    assert (tmp_path / "demo-output" / f"{call}-call.wav").exists()
    return done.stdout


def test_the_scripted_caller_gets_answers_and_may_interrupt(tmp_path):
    printed = hold(tmp_path, "scripted")
    said = [line for line in printed.splitlines() if " s " in line]
    # Each word is to be found behind the one before it.
    order = ("France", "Paris", "Austen", "whales", "interrupted by the caller", "Italy", "Rome")
    places = [next((n for n, line in enumerate(said) if word in line), None) for word in order]
    assert None not in places, printed
    assert places == sorted(places), printed


def test_the_human_caller_is_understood_and_answered(tmp_path):
    printed = hold(tmp_path, "human")
    assert "young man" in printed
    assert "amiable himself" in printed
    assert sum(" bot " in line for line in printed.splitlines()) == 2
