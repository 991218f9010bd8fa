"""A server on one core and its callers on another, and what is measured of both.

Where the machine has one core only, or does not let processes be pinned, they share what there is.
"""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[3]
RESULTS = ROOT / "benches" / "results"
_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECS = 60.0


def cores() -> tuple[set[int], set[int]]:
    """The core of the server and that of the callers."""
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[0]}, {allowed[-1]}


def speech() -> Path:
    """What callers say; `run.py` has it made."""
    return Path(os.environ.get("BENCH_SPEECH", RESULTS / "speech.wav"))


def callers_binary() -> Path:
    """The program that calls; `run.py` has it built."""
    return Path(os.environ.get("BENCH_CALLERS", ROOT / "target" / "release" / "callers"))


def _pinned(to: set[int]) -> Any:
    def pin() -> None:
        os.sched_setaffinity(0, to)
        if os.environ.get("BENCH_PRIORITY"):
            # For a machine that others work on: before everything else, where that is allowed.
            os.setsid()
            Path("/proc/self/autogroup").write_text("-20")
            os.nice(-20)

    return pin


class Server:
    """A server process. Use it with `with`.

    Args:
        package: The package it serves with.
        kind: The way it serves, of `servers.SERVERS`.
        bot: The bot, of `bots.BOTS`.
        options: Further words for `serve.py`.
    """

    def __init__(self, package: str, kind: str, bot: str, *options: str) -> None:
        self._command = [sys.executable, "serve.py", package, kind, bot, *options]
        self.said: Queue[dict[str, Any]] = Queue()

    def __enter__(self) -> "Server":
        # Two measurements at a time would measure each other.
        RESULTS.mkdir(parents=True, exist_ok=True)
        self._turn = (RESULTS / "cores.lock").open("w")
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        self._process = subprocess.Popen(
            self._command,
            cwd=HERE.parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_pinned(cores()[0]),
        )
        self._errors: list[str] = []
        for reads in (self._read_output, self._read_errors):
            threading.Thread(target=reads, daemon=True).start()
        try:
            self.port: int = self.said.get(timeout=_START_SECS)["port"]
        except Empty:
            self.__exit__()
            raise RuntimeError("the server did not start: " + "".join(self._errors[-20:])) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._turn.close()

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self.said.put(json.loads(line))

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._errors.append(line)
            del self._errors[:-200]

    @property
    def errors(self) -> str:
        """What it last wrote to its standard error."""
        return "".join(self._errors[-20:])

    def cpu_secs(self) -> float:
        """CPU time it has taken, all threads."""
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss_kb(self) -> float:
        """Memory that it holds."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1024

    def threads(self) -> int:
        """How many threads it has."""
        return int(self._stat()[17])

    def _stat(self) -> list[str]:
        text = Path(f"/proc/{self._process.pid}/stat").read_text()
        return text.rpartition(")")[2].split()


@dataclass(frozen=True)
class Called:
    """What was measured of some calls.

    Parameters:
        calls: How many there were.
        report: What the callers say, see `benches/callers`.
        core: Share of a core that the server took while it was measured.
        rss_kb: Memory of the server with the calls.
        idle_rss_kb: Memory of the server before them.
    """

    calls: int
    report: dict[str, Any]
    core: float
    rss_kb: float
    idle_rss_kb: float

    @property
    def all(self) -> dict[str, Any]:
        """What is said of the callers of all manners."""
        return self.report["all"]


@dataclass
class Calling:
    """How to call.

    Parameters:
        mix: How many callers of each manner.
        secs: How long to measure.
        settle_secs: From the last call's opening to the first figure.
        connect_rate: Calls opened in a second.
        options: Further words for the callers.
    """

    mix: dict[str, int]
    secs: float = 20.0
    settle_secs: float = 5.0
    connect_rate: float = 20.0
    options: Sequence[str] = field(default_factory=tuple)


def call(server: Server, calling: Calling) -> Called:
    """Call a server, and measure both sides.

    Raises:
        RuntimeError: The callers failed.
    """
    calls = sum(calling.mix.values())
    command = [
        str(callers_binary()),
        *("--address", f"127.0.0.1:{server.port}"),
        *("--mix", ",".join(f"{manner}={count}" for manner, count in calling.mix.items())),
        *("--speech", str(speech())),
        *("--secs", str(calling.secs)),
        *("--settle-secs", str(calling.settle_secs)),
        *("--connect-rate", str(calling.connect_rate)),
        *calling.options,
    ]
    idle_rss = server.rss_kb()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_pinned(cores()[1]),
    )
    before = calls / calling.connect_rate + calling.settle_secs
    time.sleep(before + 0.2)
    cpu, begin = server.cpu_secs(), time.monotonic()
    time.sleep(max(0.1, calling.secs - 0.6))
    core = (server.cpu_secs() - cpu) / (time.monotonic() - begin)
    rss = server.rss_kb()
    output, errors = process.communicate(timeout=60)
    if process.returncode:
        raise RuntimeError(f"the callers failed: {errors}{server.errors}")
    report = json.loads(output.splitlines()[-1])
    return Called(calls, report, core, rss, idle_rss)
