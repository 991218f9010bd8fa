"""Serves one of the bots with one package, prints its port, and goes on until it is killed."""

import argparse
import asyncio
import json
import time

from workloads.api import Api
from workloads.calls.bots import BOTS
from workloads.calls.servers import SERVERS


async def _serve(given: argparse.Namespace) -> None:
    port = await SERVERS[given.server](Api(given.package), given.bot)
    print(json.dumps({"port": port}), flush=True)
    while True:
        if given.block:
            _block(given.block)
            await asyncio.sleep(1 - given.block)
        else:
            await asyncio.sleep(3600)


def _block(secs: float) -> None:
    """Compute in Python, as a callback does that should not."""
    until = time.perf_counter() + secs
    while time.perf_counter() < until:
        pass


def main() -> None:
    """Parse the command line, serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", choices=("pipecat", "pipecat_rs"))
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("bot", choices=BOTS)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--block", type=float, default=0.0, help="seconds blocked each second")
    given = parser.parse_args()
    factory = None
    if given.loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(given))


if __name__ == "__main__":
    main()
