"""Many runs in several processes: what was wrong in any, and whether anything grows."""

import argparse
import contextlib
import faulthandler
import gc
import json
import logging
import os
import subprocess
import sys
import threading
import time
import warnings
import weakref
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from stress.plan import Run, draw_run
from stress.session import live
from stress.shrink import shrink

RUN_LIMIT_SECS = 90
"""After so long a run stands: the process says where, and ends."""

LOOK_EVERY = 100
"""Runs between two looks at what is there."""

MAY_GROW_MIB = 6.0
MAY_GROW_OBJECTS = 2_000
"""By how much a process may grow over the second half of its runs: so do allocators and caches."""

PROC = Path("/proc/self")


@dataclass
class Sample:
    """What there is in a process, all garbage collected."""

    run: int
    memory_mib: float
    objects: int
    threads: int
    descriptors: int
    undead: int


@dataclass
class Tally:
    """What some runs came to."""

    runs: int = 0
    tasks: int = 0
    frames: int = 0
    failed: int = 0
    findings: int = 0
    clocks: dict[str, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Add what other runs came to."""
        for name in ("runs", "tasks", "frames", "failed", "findings"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for clock, count in other.clocks.items():
            self.clocks[clock] = self.clocks.get(clock, 0) + count


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code: 0 if nothing was found.
    """
    parser = argparse.ArgumentParser(
        prog="make stress",
        description="Random runs of random pipelines; each is made of its seed alone.",
    )
    parser.add_argument("--runs", type=int, default=10_000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first run (%(default)s)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (one for each core)"
    )
    parser.add_argument("--show", action="store_true", help="print each run before it begins")
    parser.add_argument("--shrink", action="store_true", help="make a run that fails small")
    parser.add_argument("--log", action="store_true", help="let the runs log to stderr")
    parser.add_argument("--share", type=int, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not options.log:
        logging.disable(logging.CRITICAL)  # user code that fails on purpose is not worth its text
    if options.share is not None:
        return work(range(options.seed + options.share, options.seed + options.runs, options.jobs))
    if options.runs <= 2 or options.show:
        return show(range(options.seed, options.seed + options.runs), options.shrink)
    return run_campaign(options.runs, options.seed, options.jobs)


# ---- a few runs, in full


def show(seeds: range, small: bool) -> int:
    """Do some runs in this process and print all about them."""
    bad = 0
    for seed in seeds:
        run = draw_run(seed)
        print(run, flush=True)
        findings = live(run).findings
        for finding in findings:
            print(f"  ! {finding}")
        bad += bool(findings)
        if findings and small:
            _show_small(run, findings)
    print(f"{len(seeds)} runs, {bad} with something wrong")
    return bool(bad)


def _show_small(run: Run, findings: list[str]) -> None:
    kinds = set(map(_kind_of, findings))
    run = shrink(run, lambda smaller: not kinds.isdisjoint(map(_kind_of, live(smaller).findings)))
    print(f"smaller:\n{run}")
    for finding in live(run).findings:
        print(f"  ! {finding}")


def _kind_of(finding: str) -> str:
    """A finding without what is special in one run."""
    return " ".join(word for word in finding.split(":")[0].split() if word.isalpha())


# ---- one process of several


def work(seeds: range) -> int:
    """Do every run of a share; write what is found to stdout, a JSON object a line."""
    warnings.simplefilter("error", RuntimeWarning)  # a coroutine that nobody awaited is a loss
    tally, left = Tally(), []
    for number, seed in enumerate(seeds, 1):
        faulthandler.dump_traceback_later(RUN_LIMIT_SECS, exit=True)
        run = draw_run(seed)
        _tell(began=seed)
        outcome = live(run)
        if outcome.findings:
            tally.failed += 1
            tally.findings += len(outcome.findings)
            _tell(seed=seed, findings=outcome.findings)
        tally.runs += 1
        tally.tasks += sum(map(len, run.loops))
        tally.frames += outcome.frames
        tally.clocks[run.clock] = tally.clocks.get(run.clock, 0) + 1
        left += outcome.left
        if number % LOOK_EVERY == 0 or number == len(seeds):
            tally.samples.append(_look(number, left))
            left.clear()
    faulthandler.cancel_dump_traceback_later()
    _tell(tally=asdict(tally))
    return 0


def _look(run: int, left: list["weakref.ref[Any]"]) -> Sample:
    gc.collect()
    return Sample(
        run=run,
        memory_mib=_memory_mib(),
        objects=len(gc.get_objects()),
        threads=_count("task") or threading.active_count(),
        descriptors=_count("fd"),
        undead=sum(reference() is not None for reference in left),
    )


def _memory_mib() -> float:
    with contextlib.suppress(OSError):
        pages = int((PROC / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def _count(what: str) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(PROC / what))
    return 0


def _tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


# ---- all of them


class Worker:
    """A process with its share of the runs, and what it has told."""

    def __init__(self, runs: int, seed: int, jobs: int, share: int) -> None:
        command = [sys.executable, "-m", "stress", f"--runs={runs}", f"--seed={seed}"]
        self.process = subprocess.Popen(
            [*command, f"--jobs={jobs}", f"--share={share}"], stdout=subprocess.PIPE, text=True
        )
        self.last_seed, self.done = seed, 0
        self.tally: Tally | None = None
        self.problems: list[str] = []
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for line in self.process.stdout:
                try:
                    self._heard(json.loads(line))
                except ValueError:
                    print(line, end="", file=sys.stderr)
        code = self.process.wait()
        if self.tally is None:
            self._problem(f"seed {self.last_seed}: the process ended in this run, with code {code}")

    def _heard(self, told: dict[str, Any]) -> None:
        if "began" in told:
            self.last_seed = told["began"]
            self.done += 1
        elif "tally" in told:
            samples = [Sample(**sample) for sample in told["tally"].pop("samples")]
            self.tally = Tally(**told["tally"], samples=samples)
        else:
            for finding in told["findings"]:
                self._problem(f"seed {told['seed']}: {finding}")

    def _problem(self, text: str) -> None:
        self.problems.append(text)
        print(f"\n! {text[:300]}", flush=True)


def run_campaign(runs: int, seed: int, jobs: int) -> int:
    """Do all runs in several processes.

    Returns:
        The exit code: 0 if nothing was found.
    """
    began = time.monotonic()
    workers = [Worker(runs, seed, jobs, share) for share in range(jobs)]
    while any(worker.thread.is_alive() for worker in workers):
        workers[0].thread.join(2.0)
        for worker in workers[1:]:
            worker.thread.join(0.1)
        if sys.stdout.isatty():
            print(f"\r{sum(w.done for w in workers)} of {runs} runs", end="", flush=True)
    total = Tally()
    for worker in workers:
        if worker.tally is not None:
            total.add(worker.tally)
            number = workers.index(worker)
            worker.problems += [f"process {number}: {what}" for what in growth(worker.tally)]
    problems = [problem for worker in workers for problem in worker.problems]
    _report(total, workers, time.monotonic() - began)
    if problems:
        print(f"\n{len(problems)} problems, in {total.failed} runs; the first:")
        for problem in problems[:20]:
            print(f"  {problem[:300]}")
        print('Again: make stress ARGS="--runs 1 --seed N"')
        return 1
    print("no hang, no loss, no duplicate, no frame out of order, nothing left behind")
    return 0


def growth(tally: Tally) -> list[str]:
    """What a process gained by its runs: judged over their second half, when all is warm."""
    found = [
        f"run {sample.run}: {sample.undead} tasks and processors outlive their run"
        for sample in tally.samples
        if sample.undead
    ]
    warm = tally.samples[len(tally.samples) // 2 :]
    if len(warm) < 4:
        return found
    third = max(1, len(warm) // 3)
    early, late = warm[:third], warm[-third:]

    def gain(name: str) -> float:
        return median(getattr(s, name) for s in late) - median(getattr(s, name) for s in early)

    for name, limit in (
        ("memory_mib", MAY_GROW_MIB),
        ("objects", MAY_GROW_OBJECTS),
        ("threads", 0),
        ("descriptors", 0),
    ):
        if gain(name) > limit:
            found.append(f"{name} grew by {gain(name):g} over the second half")
    return found


def _report(total: Tally, workers: list[Worker], seconds: float) -> None:
    clocks = ", ".join(f"{count} {clock}" for clock, count in sorted(total.clocks.items()))
    print(
        f"\n{total.runs} runs ({clocks}) of {total.tasks} tasks in {len(workers)} processes: "
        f"{total.frames} frames processed in {seconds:.0f} s"
    )
    for number, worker in enumerate(workers):
        if worker.tally is None or not worker.tally.samples:
            continue
        samples = worker.tally.samples
        for when, sample in (("half way", samples[len(samples) // 2]), ("at the end", samples[-1])):
            print(
                f"process {number} {when}: {sample.memory_mib:.1f} MiB, {sample.objects} objects, "
                f"{sample.threads} threads, {sample.descriptors} descriptors"
            )
