"""A headless Chromium that opens one page."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""What a Chromium is called, the name in Debian first."""


@functools.cache
def chromium() -> str | None:
    """Where it is, if there is one; `CHROMIUM` names another."""
    given = os.environ.get("CHROMIUM")
    return given or next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.asynccontextmanager
async def opened(page: Path, profile: Path) -> AsyncIterator[None]:
    """Open a page for as long as the context lasts.

    Args:
        page: The page.
        profile: A directory for the browser's own files.
    """
    binary = chromium()
    assert binary is not None
    process = await asyncio.create_subprocess_exec(
        binary,
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
        *("--mute-audio", f"--user-data-dir={profile}", page.as_uri()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it has helpers
        await process.wait()
