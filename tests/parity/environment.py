"""The interpreter that has pipecat-ai, shared with the benchmarks; running programs under it."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BENCHES = HERE.parents[1] / "benches" / "vs_pipecat" / "environment.py"


@functools.cache
def pipecat_python() -> Path:
    """The interpreter of an environment with the release of pipecat-ai that is compared with.

    Made on first use, which takes a minute or two and the network; `PIPECAT_PYTHON` names another.
    """
    spec = importlib.util.spec_from_file_location("vs_pipecat_environment", BENCHES)
    assert spec is not None and spec.loader is not None
    environment = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(environment)
    python: Path = environment.pipecat_python()
    wanted, found = environment.PIPECAT_VERSION, environment.versions(python)["pipecat-ai"]
    assert found == wanted, f"{python} has pipecat-ai {found}; the comparison is with {wanted}"
    return python


def output_of(python: Path | str, *arguments: Path | str) -> Any:
    """What a program prints as JSON.

    Args:
        python: The interpreter it runs under.
        *arguments: The program, and its arguments.
    """
    done = subprocess.run(
        [python, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=HERE,
        # Their log of each frame would cost more time than the frames.
        env={**os.environ, "LOGURU_LEVEL": "CRITICAL", "PYTHONWARNINGS": "ignore"},
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, arguments))}: {done.stderr[-3000:]}")
    return json.loads(done.stdout)


def ours_python() -> str:
    """The interpreter that has pipecat_rs: the one that runs the tests."""
    return sys.executable
