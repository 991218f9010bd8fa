"""Several processes behind one port: as many cores for Python.

One process has the port and no sessions. It hands each connection to the process with the fewest,
so that their maxima add up to the maximum of all. Each of the others is a session server. Whichever
of them is asked for its health or metrics answers for all: they leave what they have to say in
files.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipecat_rs.exceptions import PipecatError
from pipecat_rs.runner.worker_seat import WorkerSeat, control_path

if TYPE_CHECKING:
    from pipecat_rs.runner.serve_options import ServeOptions

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)

_NUMBER = struct.Struct("<I")
_REPORT = struct.Struct("<II")

_BACKLOG = 1024
_SEND_BUFFER_BYTES = 128 << 10  # what is in it cannot be taken back by an interruption
_AT_ONCE = 256  # connections that a process is given before it has answered
_RESTART_SECS = 1.0


class _Worker:
    """A process that runs sessions, as the one with the port sees it."""

    def __init__(self, seat: WorkerSeat) -> None:
        self.seat = seat
        self.process: asyncio.subprocess.Process | None = None
        self.control: socket.socket | None = None
        self.connected = asyncio.Event()
        self.given = 0
        self.served = 0
        self.sessions = 0

    @property
    def waiting(self) -> int:
        """Connections that it was given and has not served."""
        return self.given - self.served

    @property
    def rank(self) -> tuple[bool, int]:
        """The lowest is given the next connection."""
        load = self.sessions + self.waiting
        return load >= self.seat.max_sessions, load

    def hand_over(self, connection: socket.socket) -> bool:
        """Give it a connection; False if it takes none now."""
        if self.control is None:
            return False
        try:
            socket.send_fds(self.control, [b"\0"], [connection.fileno()])
        except OSError:
            return False
        self.given += 1
        return True

    def be_heard_over(self, control: socket.socket) -> None:
        """It has connected."""
        self.lose()
        self.control = control
        self.connected.set()

    def lose(self) -> None:
        """Its connection is gone, and it with it."""
        if self.control is not None:
            self.control.close()
        self.control = None
        self.given = self.served = self.sessions = 0


class Supervisor:
    """Has the port, and the processes that run sessions."""

    def __init__(self, options: ServeOptions) -> None:
        """Set up.

        Args:
            options: How the bot is served.
        """
        self._options = options
        self._workers: list[_Worker] = []
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> int:
        """Serve until a signal. Returns the exit code.

        Raises:
            PipecatError: If the port cannot be listened on.
        """
        from pipecat_rs.runner.serving import say_listening

        listener = _listen(self._options.host, self._options.port)
        folder = tempfile.mkdtemp(prefix="pipecat-rs-")
        control = socket.socket(socket.AF_UNIX)
        try:
            control.bind(str(control_path(folder)))
            control.listen()
            control.setblocking(False)
            self._handle_signals()
            self._background(self._take_controls(control))
            if not await self._start_all(folder):
                return 1
            host, port = listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            scheme = "wss" if self._options.tls_cert else "ws"
            self._background(self._accept(listener))
            say_listening(f"{scheme}://{shown}:{port}/", self._options)
            await self._stopping.wait()
            return await self._wait_for_all()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for worker in self._workers:
                if worker.process is not None and worker.process.returncode is None:
                    worker.process.kill()
                    await worker.process.wait()
                worker.lose()
            control.close()
            listener.close()
            shutil.rmtree(folder, ignore_errors=True)

    # ---- processes

    async def _start_all(self, folder: str) -> bool:
        count, sessions = self._options.processes, self._options.max_sessions
        for number in range(count):
            share = sessions // count + (number < sessions % count)
            self._workers.append(_Worker(WorkerSeat(number, folder, share, os.getpid())))
        await asyncio.gather(*(self._start(worker) for worker in self._workers))
        for worker in self._workers:
            process = worker.process
            assert process is not None
            ended = asyncio.create_task(process.wait())
            connected = asyncio.create_task(worker.connected.wait())
            stopping = asyncio.create_task(self._stopping.wait())
            waits = {ended, connected, stopping}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            if process.returncode is not None:
                logger.error("process %d ends with %d", worker.seat.number, process.returncode)
                return False
        for worker in self._workers:
            self._background(self._keep(worker))
        return True

    async def _start(self, worker: _Worker) -> None:
        worker.connected.clear()
        worker.process = await asyncio.create_subprocess_exec(
            *_this_command(),
            env=worker.seat.environment(),
            start_new_session=True,  # Ctrl-C reaches this process, which passes it on
        )

    async def _keep(self, worker: _Worker) -> None:
        """Start a process again when it ends though it should not."""
        while worker.process is not None:
            code = await worker.process.wait()
            if self._stopping.is_set():
                return
            logger.error(
                "process %d has ended with %d, and its sessions with it; another one is started",
                worker.seat.number,
                code,
            )
            for left in Path(worker.seat.folder).glob(f"{worker.seat.number}.*"):
                left.unlink(missing_ok=True)
            await asyncio.sleep(_RESTART_SECS)
            if self._stopping.is_set():
                return
            await self._start(worker)

    async def _wait_for_all(self) -> int:
        codes = [await worker.process.wait() for worker in self._workers if worker.process]
        return 0 if not any(codes) else 1

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: int) -> None:
        again = self._stopping.is_set()
        self._stopping.set()
        for worker in self._workers:
            if worker.process is not None and worker.process.returncode is None:
                with suppress(ProcessLookupError):
                    worker.process.send_signal(signal.SIGKILL if again else signal.SIGTERM)
        if again:
            os.write(2, b"pipecat-rs: ended at once\n")
            for worker in self._workers:
                shutil.rmtree(worker.seat.folder, ignore_errors=True)
            os._exit(128 + number)

    # ---- connections

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:
                logger.warning("a connection could not be accepted: %s", error)
                await asyncio.sleep(0.05)
                continue
            with connection:
                while not self._hand_over(connection):
                    self._room.clear()
                    await self._room.wait()

    def _hand_over(self, connection: socket.socket) -> bool:
        able = [worker for worker in self._workers if worker.waiting < _AT_ONCE]
        return any(worker.hand_over(connection) for worker in sorted(able, key=lambda w: w.rank))

    async def _take_controls(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            control, _ = await loop.sock_accept(listener)
            self._background(self._follow(control))

    async def _follow(self, control: socket.socket) -> None:
        """Read what a process says of itself."""
        control.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            (number,) = _NUMBER.unpack(await loop.sock_recv(control, _NUMBER.size))
            worker = self._workers[number]
        except (OSError, struct.error, IndexError):
            control.close()
            return
        worker.be_heard_over(control)
        self._room.set()
        received = b""
        try:
            while chunk := await loop.sock_recv(control, 4096):
                received += chunk
                last = len(received) // _REPORT.size * _REPORT.size
                if last:
                    worker.served, worker.sessions = _REPORT.unpack_from(received, last - 8)
                    received = received[last:]
                    self._room.set()
        except OSError as error:
            logger.debug("process %d can no longer be heard: %s", number, error)
        finally:
            control.close()
            if worker.control is control:
                worker.lose()

    def _background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _this_command() -> list[str]:
    """What this process was started with."""
    return [sys.executable, *sys.orig_argv[1:]]


def _listen(host: str, port: int) -> socket.socket:
    failure: OSError | None = None
    for family, kind, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            listener.bind(address)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
            return listener
        except OSError as error:
            listener.close()
            failure = error
    raise PipecatError(f"cannot listen on {host}:{port}: {failure}")
