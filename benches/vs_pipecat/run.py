"""Runs every workload with pipecat and with pipecat_rs, alternating, and reports the ratios.

    python benches/vs_pipecat/run.py            # everything, about an hour, the calls most of it
    python benches/vs_pipecat/run.py --quick    # about 20 minutes, noisier
    python benches/vs_pipecat/run.py --no-calls # without servers that are called: 7 minutes
    python benches/vs_pipecat/run.py --only hop_bulk --only await_floor

Writes `vs_pipecat.json`, `vs_pipecat.md` and `vs_pipecat.png` into `benches/results/`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environment
import plot
import plot_calls
import report
from workloads.idle_sessions import PARTS
from workloads.session_density import PARTS as WAYS

HERE = Path(__file__).resolve().parent
RESULTS = environment.BENCHES / "results"
CHILD_TIMEOUT_SECS = 180
CALLS_TIMEOUT_SECS = 1800
# As after an installation: an import that compiles its sources each time measures the compiler.
BYTECODE_KEPT = {
    **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPYCACHEPREFIX": str(RESULTS / "bytecode"),
}
_CLEAR = "\r\x1b[K"
METHOD = """\
Each workload is one Python file, run with either package in a process of its own; packages
alternate, and who goes first alternates with the round. CPU figures are the process's CPU time
(all threads), the least of all batches and rounds; p50 and p99 are the least of all rounds, stalls
the median. Frames are made before the clock starts, one batch warms up, and garbage is collected
before each batch (the collector stays on). A batch is 1,000 frames queued at once, 20 s of audio.
The cost of a hop in bulk is the slope from 10 to 50 processors; the cost of entering a task is
that of a pipeline of the counting sink alone, less a hop. Fan-out and switcher are less the same
pipeline without them. pipecat's loguru logger has its handlers removed. A bare
task is one without RTVI, turn tracking and idle watch; a default task is
`PipelineTask(pipeline)`."""


@dataclass(frozen=True)
class Job:
    """One child process for each package and round."""

    workload: str
    loop: str = "asyncio"
    part: str | None = None
    rounds: int = 99
    times: int = 1
    calls: bool = False

    def __str__(self) -> str:
        return " ".join(filter(None, (self.workload, self.part, self.loop)))


JOBS = (
    *(Job("await_floor", loop) for loop in ("asyncio", "uvloop")),
    *(Job("hop_bulk", loop) for loop in ("asyncio", "uvloop")),
    Job("direct_mode"),
    *(Job("suspend_once", loop) for loop in ("asyncio", "uvloop")),
    Job("interest"),
    Job("parallel_branches"),
    Job("service_switcher"),
    *(Job("one_at_a_time", loop) for loop in ("asyncio", "uvloop")),
    Job("interruption"),
    Job("import_time", times=5),
    *(Job("idle_sessions", part=part, rounds=2) for part in PARTS),
    Job("producer_stall", rounds=3),
    Job("audio_dsp", rounds=3),
    Job("vad_window", rounds=3),
    # uvicorn takes uvloop by itself, so that is what both are served on.
    Job("time_to_silence", "uvloop", rounds=2, calls=True),
    Job("paced_lateness", "uvloop", rounds=2, calls=True),
    Job("echo_round_trip", "uvloop", rounds=1, calls=True),
    *(Job("session_density", "uvloop", part, rounds=1, calls=True) for part in WAYS),
)


def measure(python: Path, package: str, job: Job, quick: bool) -> Iterator[dict[str, Any]]:
    """Run one child.

    Yields:
        Its figures, and a figure without a value if it failed.
    """
    if job.workload == "import_time":
        command = [python, HERE / "workloads" / "import_time.py", package]
    else:
        command = [python, HERE / "child.py", job.workload, package, "--loop", job.loop]
        command += ["--part", job.part] if job.part else []
        command += ["--quick"] if quick else []
    patience = CALLS_TIMEOUT_SECS if job.calls else CHILD_TIMEOUT_SECS
    for _ in range(job.times):
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=patience,
                cwd=HERE,
                env=BYTECODE_KEPT,
            )
            failure = done.stderr.strip() if done.returncode else ""
            output = done.stdout
        except subprocess.TimeoutExpired:
            failure, output = f"no end after {patience} s", ""
        common = {"package": package, "loop": job.loop, "job": str(job)}
        for line in output.splitlines():
            if line.startswith("{"):
                yield {**json.loads(line), **common}
        if failure:
            broken = {"name": str(job), "unit": "", "value": None, "stderr": failure}
            yield {**broken, "note": failure.splitlines()[-1], **common}
            return


def main() -> int:
    """Parse the command line, run, report.

    Returns:
        1 if a workload failed or a budget was missed and `--strict` was given, else 0.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller workloads")
    parser.add_argument("--rounds", type=int, help="rounds (4; 2 with --quick)")
    parser.add_argument("--only", action="append", metavar="WORKLOAD", help="may be repeated")
    parser.add_argument("--no-calls", action="store_true", help="no servers that are called")
    parser.add_argument("--package", choices=(report.OURS, report.THEIRS), help="one side only")
    parser.add_argument("--ours-python", type=Path, help="interpreter that has pipecat_rs")
    parser.add_argument("--pipecat-python", type=Path, help="interpreter that has pipecat-ai")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--readme", action="store_true", help="put the results into the READMEs")
    parser.add_argument("--strict", action="store_true", help="fail if a budget is missed")
    given = parser.parse_args()

    jobs = [
        job
        for job in JOBS
        if (not given.only or job.workload in given.only) and not (given.no_calls and job.calls)
    ]
    if not jobs:
        known = dict.fromkeys(job.workload for job in JOBS)
        parser.error(f"no such workload; there are: {', '.join(known)}")
    pythons: dict[str, Path] = {}
    if given.package != report.OURS:
        pythons[report.THEIRS] = given.pipecat_python or environment.pipecat_python()
    if given.package != report.THEIRS:
        pythons[report.OURS] = given.ours_python or environment.ours_python()
    versions = {package: environment.versions(python) for package, python in pythons.items()}
    if len({version["python"] for version in versions.values()}) > 1:
        print(f"warning: the two sides run on different Pythons: {versions}")

    if report.OURS in pythons and environment.is_debug_build(pythons[report.OURS]):
        parser.error("pipecat_rs is a debug build: build it with `maturin develop --release`")

    if any(job.calls for job in jobs):
        BYTECODE_KEPT.update(environment.callers(pythons.get(report.OURS)))
    rounds = given.rounds or (2 if given.quick else 4)
    begin = time.monotonic()
    figures = collect(jobs, pythons, rounds, given.quick)
    print(f"{len(figures)} figures in {time.monotonic() - begin:.0f} s")
    made = write_report(figures, versions, rounds, given.quick, given.results)
    if given.readme:
        publish(given.results)
    failed = any("stderr" in figure for figure in figures)
    missed = any(row.verdict == "MISS" for row in made)
    return int(failed or (given.strict and missed))


def collect(
    jobs: list[Job], pythons: dict[str, Path], rounds: int, quick: bool
) -> list[dict[str, Any]]:
    """Run the jobs, alternating the packages.

    Returns:
        All figures, with package, loop and round.
    """
    begin, figures = time.monotonic(), []
    for turn in range(rounds):
        order = list(pythons)[:: 1 if turn % 2 == 0 else -1]
        for job in (job for job in jobs if turn < job.rounds):
            clock = f"[{time.monotonic() - begin:4.0f} s]"
            print(f"{_CLEAR}{clock} round {turn + 1} of {rounds}: {job}", end="", flush=True)
            for package in order:
                for figure in measure(pythons[package], package, job, quick):
                    figures.append({**figure, "round": turn})
                    if figure["value"] is None:
                        print(f"{_CLEAR}{package}: {figure['name']}: {figure['note']}")
    print(_CLEAR, end="")
    return figures


def write_report(
    figures: list[dict[str, Any]],
    versions: dict[str, dict[str, str | None]],
    rounds: int,
    quick: bool,
    results: Path,
) -> list[report.Row]:
    """Print the table, and write it as JSON, Markdown and a picture.

    Returns:
        The table.
    """
    machine = environment.machine()
    package_versions = {
        name: version
        for of_package in versions.values()
        for name, version in of_package.items()
        if version
    }
    caption = ", ".join(
        [
            machine["processor"],
            f"{machine['cores']} cores",
            machine["system"],
            *(f"{name} {version}" for name, version in package_versions.items()),
            time.strftime("%Y-%m-%d"),
            f"{rounds} rounds",
        ]
    )
    values = report.put_together(figures)
    made = report.rows(values)
    report.show(made, "pipecat_rs beside pipecat-ai")
    floors = [
        f"{package} on {loop} {of_loop['await_floor']:.3f} µs"
        for (package, loop), of_loop in sorted(values.items())
        if "await_floor" in of_loop
    ]
    print(
        f"{caption}\nplain await of the same coroutine, in the interpreter of: {', '.join(floors)}"
    )

    results.mkdir(parents=True, exist_ok=True)
    written = {
        "machine": machine,
        "versions": versions,
        "method": METHOD,
        "quick": quick,
        "rounds": rounds,
        "rows": report.as_json(made),
        "rows_of_medians": report.as_json(report.rows(report.put_together(figures, middle=True))),
        "figures": figures,
    }
    (results / "vs_pipecat.json").write_text(json.dumps(written, indent=1, ensure_ascii=False))
    (results / "vs_pipecat.md").write_text(f"{report.markdown(made)}\n{caption}.\n\n{METHOD}\n")
    if not plot.draw(made, caption, results / "vs_pipecat.png"):
        print("no picture: it needs both sides and matplotlib")
    plot_calls.draw(figures, caption, results / "vs_pipecat_calls.png")
    print(f"written to {results}")
    return made


def publish(results: Path) -> None:
    """Put the table into both READMEs, and the picture beside that of the benchmarks."""
    table = (results / "vs_pipecat.md").read_text()
    fill(environment.BENCHES / "README.md", "latest run", table)
    short = table.partition(METHOD)[0].strip()
    link = "How it was measured: [benches/README.md](benches/README.md)."
    fill(environment.BENCHES.parent / "README.md", "benchmark table", f"{short}\n\n{link}\n")
    for picture in ("vs_pipecat.png", "vs_pipecat_calls.png"):
        if (results / picture).exists():
            shutil.copy(results / picture, environment.BENCHES / picture)


def fill(document: Path, mark: str, text: str) -> None:
    """Replace what stands between `<!-- mark -->` and `<!-- end of mark -->`."""
    before, begin, rest = document.read_text().partition(f"<!-- {mark} -->\n")
    _, end, after = rest.partition(f"<!-- end of {mark} -->")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}")


if __name__ == "__main__":
    sys.exit(main())
