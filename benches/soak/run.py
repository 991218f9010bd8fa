"""A hundred calls of all manners at `pipecat-rs serve`, for 20 minutes: does anything grow?

    python benches/soak/run.py                 # 20 minutes
    python benches/soak/run.py --minutes 2

Callers talk, interrupt, say nothing, read slowly, vanish, close half of their connection, send
nonsense, and call over four telephony formats; those who vanish call again. Every five seconds
memory, threads, descriptors, CPU and the lateness of the bot's audio are noted. Fails if something
grows, if audio is late and the load does not say why, or if a call of a well-behaved caller is
refused, lost or not answered. Writes `soak.json`, `soak.png` and the server's log into
`benches/results/`.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "vs_pipecat"))

import environment  # noqa: E402 - found once the path is there
import timeline  # noqa: E402
import verdict  # noqa: E402
from process import Process  # noqa: E402

MIX = {
    "talk": 30,
    "barge_in": 15,
    "silent": 10,
    "slow_reader": 8,
    "reset": 8,
    "half_close": 6,
    "malformed": 7,
    "twilio": 5,
    "telnyx": 4,
    "plivo": 4,
    "exotel": 3,
}
SAMPLE_SECS = 5
SETTLE_SECS = 5
CONNECT_RATE = 20
START_SECS = 30.0
LEAVE_SECS = 30.0
DRAIN_SECS = 30.0


def main() -> int:
    """Run, report.

    Returns:
        0 if everything held.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--loops", type=int, default=1, help="event loops of the server")
    parser.add_argument("--results", type=Path, default=environment.BENCHES / "results")
    given = parser.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    variables = environment.callers(Path(sys.executable))

    port = _free_port()
    log = given.results / "soak.log"
    with _server(port, given.loops, log) as server:
        before = server.sample()
        samples, report = _hold_calls(server, port, variables["BENCH_CALLERS"], given.minutes)
        after = _after(server, port)
        code = _end(server)
    complaints = verdict.complaints(samples, report, before, after)
    if code != 0:
        complaints.append(f"the server ended with {code}, see {log}")
    if errors := _errors(log):
        complaints.append(f"{len(errors)} errors in {log}, the first: {errors[0]}")

    machine = environment.machine()
    written = {
        "machine": machine,
        "mix": MIX,
        "minutes": given.minutes,
        "before": before,
        "after": after,
        "complaints": complaints,
        "report": report,
        "samples": samples,
    }
    (given.results / "soak.json").write_text(json.dumps(written, indent=1))
    caption = ", ".join([machine["processor"], f"{machine['cores']} cores", machine["system"]])
    if not timeline.draw(
        samples, f"{sum(MIX.values())} calls, {caption}", given.results / "soak.png"
    ):
        print("no picture: it needs matplotlib")
    print(verdict.summary(samples, report, before, after))
    for complaint in complaints:
        print(f"FAIL  {complaint}")
    print("failed" if complaints else "passed", f"- written to {given.results}")
    return int(bool(complaints))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _server(port: int, loops: int, log: Path) -> Iterator[Process]:
    command = [
        *(sys.executable, "-m", "pipecat_rs.cli", "serve", str(HERE / "bot.py")),
        *("--host", "127.0.0.1", "--port", str(port), "--loops", str(loops)),
        # Room for callers whose last call is not quite over, and no refusal for lateness: it is to
        # be seen.
        *("--max-sessions", str(2 * sum(MIX.values())), "--max-lateness-ms", "0"),
        *("--drain-timeout", str(int(DRAIN_SECS / 2))),
    ]
    with log.open("w") as output:
        popen = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            server = Process(popen)
            deadline = time.monotonic() + START_SECS
            while server.health(port) is None:
                if popen.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield server
        finally:
            popen.kill()
            popen.wait()


def _hold_calls(
    server: Process, port: int, callers: str, minutes: float
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Hold the calls; returns the samples and what the callers say at the end."""
    command = [
        *(callers, "--address", f"127.0.0.1:{port}"),
        *("--mix", ",".join(f"{manner}={count}" for manner, count in MIX.items())),
        *("--speech", str(environment.SPEECH), "--secs", str(minutes * 60)),
        *("--every", str(SAMPLE_SECS), "--settle-secs", str(SETTLE_SECS)),
        *("--connect-rate", str(CONNECT_RATE)),
    ]
    begin = time.monotonic()
    popen = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert popen.stdout is not None
    samples, last = [], None
    try:
        for line in popen.stdout:
            last = json.loads(line)
            every = last["all"]
            sample = {
                "secs": time.monotonic() - begin,
                "open": last["open"],
                "behind_p99": every["behind_ms"].get("p99", 0.0),
                "behind_max": every["behind_ms"].get("max", 0.0),
                "own_late_p99": last["own_ticks_late_ms"].get("p99", 0.0),
                "sessions": (server.health(port) or {}).get("sessions"),
                **server.sample(),
            }
            samples.append(sample)
            print(verdict.line(sample), flush=True)
        popen.wait(timeout=30)
    finally:
        popen.kill()
        popen.wait()
    if popen.returncode or last is None:
        raise RuntimeError("the callers failed")
    # The last line is that of the whole run.
    return samples[:-1], last


def _after(server: Process, port: int) -> dict[str, Any]:
    """What is left once everybody has gone."""
    deadline = time.monotonic() + LEAVE_SECS
    while time.monotonic() < deadline:
        health = server.health(port)
        if health is not None and health["sessions"] == 0:
            break
        time.sleep(0.5)
    time.sleep(2)
    health = server.health(port) or {}
    return {**server.sample(), "sessions": health.get("sessions")}


def _end(server: Process) -> int | str:
    server.popen.send_signal(signal.SIGTERM)
    try:
        return server.popen.wait(timeout=DRAIN_SECS)
    except subprocess.TimeoutExpired:
        return f"nothing within {DRAIN_SECS:.0f} s of SIGTERM"


def _errors(log: Path) -> list[str]:
    """Lines that tell of a fault of the server's own."""
    text = log.read_text(errors="replace").splitlines()
    return [line for line in text if "Traceback" in line or "panicked" in line]


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
