"""Commands of the package, run as processes of their own."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.serving import hang_up_all
from support.waiting import within

START_SECS = 25.0


class Command:
    """A running command, and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""
        self._changed = asyncio.Event()
        self._reading = [
            asyncio.create_task(self._read(stream)) for stream in (process.stdout, process.stderr)
        ]

    async def _read(self, stream) -> None:
        while text := await stream.read(4096):
            self.said += text.decode(errors="replace")
            self._changed.set()
        self._changed.set()

    async def until(self, pattern: str, seconds: float = START_SECS) -> re.Match:
        """Wait until it has said something."""

        async def look() -> re.Match:
            while not (found := re.search(pattern, self.said)):
                assert not all(reading.done() for reading in self._reading), self.said
                self._changed.clear()
                await self._changed.wait()
            return found

        try:
            return await within(look(), seconds)
        except TimeoutError:
            raise AssertionError(f"{pattern!r} is not in:\n{self.said}") from None

    async def url(self) -> str:
        """Where it serves."""
        return (await self.until(r"(wss?://\S+)")).group(1)

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    async def wait(self, seconds: float = START_SECS) -> int:
        """Its exit code."""
        code = await within(self.process.wait(), seconds)
        await asyncio.gather(*self._reading)
        return code

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.wait()


@asynccontextmanager
async def running(*arguments: str, **environment: str) -> AsyncIterator[Command]:
    """Run Python with arguments: `-m`, `pipecat_rs.cli`, `serve`, ..."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    command = Command(process)
    try:
        yield command
    finally:
        await hang_up_all()  # processes whose parent is killed wait for their calls
        await command.stop()


def serving(*arguments: str, **environment: str):
    """Run `pipecat-rs serve` on a free port."""
    local = ("--host", "127.0.0.1", "--port", "0", "--max-lateness-ms", "0")
    return running("-m", "pipecat_rs.cli", "serve", *arguments, *local, **environment)
