"""What a process holds, as the system tells it."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """A running server.

    Args:
        popen: Its process.
    """

    def __init__(self, popen: subprocess.Popen[Any]) -> None:
        self.popen = popen
        self._proc = Path(f"/proc/{popen.pid}")
        self._last = (time.monotonic(), 0.0)

    def sample(self) -> dict[str, Any]:
        """Memory in KB, threads, descriptors, and the share of a core since the last sample.

        Raises:
            RuntimeError: It is gone.
        """
        try:
            fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
            pages = int((self._proc / "statm").read_text().split()[1])
            descriptors = len(os.listdir(self._proc / "fd"))
        except OSError as error:
            raise RuntimeError(f"the server is gone: {error}") from error
        now, cpu = time.monotonic(), (int(fields[11]) + int(fields[12])) / _TICKS
        before, cpu_before = self._last
        self._last = (now, cpu)
        return {
            "rss_kb": pages * _PAGE / 1024,
            "threads": int(fields[17]),
            "descriptors": descriptors,
            "core": (cpu - cpu_before) / max(now - before, 1e-3),
        }

    def health(self, port: int) -> dict[str, Any] | None:
        """What `/health` says; None while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError, ValueError):
            return None
