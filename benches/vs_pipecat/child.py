"""Runs one workload with one package on one event loop and prints its figures as JSON lines."""

import argparse
import asyncio
import dataclasses
import importlib
import json
import os
import sys

from workloads.api import Api
from workloads.figure import QUICK, Scale


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload")
    parser.add_argument("package", choices=("pipecat", "pipecat_rs"))
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--part", help="the part of a workload that needs a process for each")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()

    factory = None
    if given.loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    workload = importlib.import_module(f"workloads.{given.workload}")
    part = {"part": given.part} if given.part else {}
    api = Api(given.package, uvloop=given.loop == "uvloop")
    with asyncio.Runner(loop_factory=factory) as runner:
        figures = runner.run(workload.measure(api, QUICK if given.quick else Scale(), **part))
        for figure in figures:
            print(json.dumps(dataclasses.asdict(figure)))
        sys.stdout.flush()
        # Held sessions need no orderly end, and taking 500 down would take longer than the rest.
        os._exit(0)


if __name__ == "__main__":
    main()
