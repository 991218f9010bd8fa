"""Runs scenarios under the package that is named, and prints what they observed as JSON.

python run.py pipecat
python run.py pipecat_rs pipelines.order frames.names
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import traceback
import warnings

TIMEOUT_SECS = 30.0

MODULES = (
    "frames",
    "pipelines",
    "processors",
    "interruptions",
    "tasks",
    "switchers",
    "observing",
    "filters",
    "aggregators",
    "corners",
    "texts",
    "utilities",
    "serializers",
)


def main(package: str, wanted: list[str]) -> None:
    """Run all scenarios, or those wanted."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    if package == "pipecat_rs":
        from pipecat_rs import compat

        compat.install()
    import importlib

    for module in MODULES:
        importlib.import_module(module)
    from kit import scenarios

    with contextlib.redirect_stdout(sys.stderr):  # what they print is not what they observe
        observed = {name: observe(name) for name in scenarios if not wanted or name in wanted}
    described = {
        name: {"differs": made.differs, "more": made.more} for name, made in scenarios.items()
    }
    json.dump({"observed": observed, "scenarios": described}, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # loops that failed are not taken apart


def observe(name: str) -> object:
    """What a scenario observes; what it raises, if it fails."""
    from kit import scenarios

    async def bounded() -> object:
        async with asyncio.timeout(TIMEOUT_SECS):
            return await scenarios[name].run()

    # Not `asyncio.run`: it would wait for what a failed scenario has left hanging.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(bounded())
    except Exception:
        return {"failed": traceback.format_exc()}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
