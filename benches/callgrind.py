"""Counts the instructions of a hop with valgrind, so that a figure can be repeated.

    python benches/callgrind.py                      # ours: instructions a hop and a frame's entry
    python benches/callgrind.py --profile            # and where they go
    python benches/callgrind.py --package pipecat --python benches/.venv-pipecat/bin/python

Runs the bulk workload with 10 and with 50 processors, each with two numbers of frames. The
difference of the two numbers leaves the interpreter's start out; the slope from 10 to 50 is the
hop. Everything is slower under valgrind, so a cascade hits its time budget after fewer steps than
in life: the figure errs on the high side, by about a per cent.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WORKLOAD = Path(__file__).resolve().parent / "vs_pipecat" / "workloads" / "fixed_bulk.py"
FEW, MANY = 100, 300
_TOTAL = re.compile(r"Collected\s*:\s*(\d+)")


def count(python: str, package: str, processors: int, frames: int, setup: str, out: Path) -> int:
    """Instructions of one whole run.

    Raises:
        RuntimeError: The run failed; the message holds what it printed.
    """
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", python, WORKLOAD]
    command += [package, str(processors), str(frames), "--setup", setup]
    # Hash seeds change which dictionary slots collide.
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    total = _TOTAL.search(done.stderr)
    if done.returncode != 0 or total is None:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return int(total.group(1))


def main() -> None:
    """Parse the command line, count, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--package", choices=("pipecat", "pipecat_rs"), default="pipecat_rs")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has it")
    parser.add_argument("--setup", choices=("bare", "default"), default="bare")
    parser.add_argument("--profile", action="store_true", help="print the costliest functions")
    parser.add_argument("--out", type=Path, help="folder to keep valgrind's files in")
    given = parser.parse_args()
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed (apt-get install valgrind)")

    out = given.out or Path(tempfile.mkdtemp(prefix="callgrind-"))
    out.mkdir(parents=True, exist_ok=True)
    a_frame = {}
    for processors in (10, 50):
        few, many = (
            count(
                given.python, given.package, processors, frames, given.setup,
                out / f"{given.package}.{processors}.{frames}.out",
            )
            for frames in (FEW, MANY)
        )  # fmt: skip
        a_frame[processors] = (many - few) / (MANY - FEW)
        print(
            f"{processors} processors: {a_frame[processors]:,.0f} instructions a frame", flush=True
        )
    hop = (a_frame[50] - a_frame[10]) / 40
    print(f"a hop: {hop:,.0f} instructions")
    print(f"entering a task (and making the frame): {a_frame[10] - 11 * hop:,.0f} instructions")
    if given.profile:
        profile = out / f"{given.package}.50.{MANY}.out"
        print(costliest(profile))
    print(f"valgrind's files are in {out}")


def costliest(profile: Path, functions: int = 45) -> str:
    """The functions that took most instructions themselves, of a whole run."""
    command = ["callgrind_annotate", "--threshold=99", "--auto=no", str(profile)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return "\n".join(line[:180] for line in done.stdout.splitlines()[: functions + 25])


if __name__ == "__main__":
    main()
