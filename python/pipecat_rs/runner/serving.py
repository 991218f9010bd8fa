"""Serves a bot until a signal ends it: the process around a session server."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pipecat_rs.runner.bot_loader import LoadedBot
from pipecat_rs.runner.loop_threads import THREAD_NAME, new_event_loop
from pipecat_rs.runner.processes import Supervisor
from pipecat_rs.runner.serve_options import ServeOptions
from pipecat_rs.runner.session_server import SessionServer
from pipecat_rs.runner.worker_seat import WorkerSeat

__all__ = ["serve"]

logger = logging.getLogger(__name__)


def serve(
    load: Callable[[], LoadedBot],
    options: ServeOptions,
    cli_args: argparse.Namespace | None = None,
) -> int:
    """Serve a bot until SIGTERM or SIGINT, then drain. A second signal ends it at once.

    With several processes this one has the port, and runs the command it was started with again for
    each of them.

    Args:
        load: Returns the bot. Called in each process that runs it.
        options: How it is served.
        cli_args: What bots are given as `RunnerArguments.cli_args`.

    Returns:
        The exit code.
    """
    seat = WorkerSeat.of_this_process()
    if options.processes > 1 and seat is None:
        return asyncio.run(Supervisor(options).run())
    loaded = load()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(loaded, options, cli_args, seat))
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        # A bot blocks its loop for ever. The interpreter would wait for it.
        logging.shutdown()
        os._exit(1)
    return 0


async def _serve(
    loaded: LoadedBot,
    options: ServeOptions,
    cli_args: argparse.Namespace | None,
    seat: WorkerSeat | None,
) -> None:
    server = options.server(loaded, cli_args=cli_args, **(seat.options() if seat else {}))
    stopped = asyncio.Event()
    async with server:
        with _signals(server, stopped):
            if seat is None:
                say_listening(server.url(), options)
            else:
                seat.watch_parent(stopped)
            await stopped.wait()
            logger.warning("draining: %d sessions run", server.stats().sessions)
            await server.drain()


def say_listening(url: str, options: ServeOptions) -> None:
    """Tell whoever started the command what it does.

    Args:
        url: Where it listens.
        options: How it serves.
    """
    parts = [f"at most {options.max_sessions} sessions"]
    parts += [f"{options.loops} event loops"] if options.loops > 1 else []
    parts += [f"{options.processes} processes"] if options.processes > 1 else []
    print(f"Serving on {url} ({', '.join(parts)}). Ctrl-C drains, and once more ends it at once.")
    sys.stdout.flush()


@contextmanager
def _signals(server: SessionServer, stopped: asyncio.Event) -> Iterator[None]:
    """Set the event at the first signal, and end the process at the second.

    By handlers of the interpreter, not of the loop: they run even while a bot blocks the loop.
    """
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if seen:
            os.write(2, b"pipecat-rs: ended at once\n")
            os._exit(128 + number)
        seen.append(number)
        server.begin_drain()
        loop.call_soon_threadsafe(stopped.set)

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
