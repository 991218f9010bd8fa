"""Every test is checked for what it leaves behind: asyncio tasks, threads, file descriptors."""

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pipecat_rs import _core

sys.path.insert(0, str(Path(__file__).parent))  # `support` and `fakes`, shared by the test modules

_core._start_media_threads()  # pyright: ignore[reportPrivateUsage] - one set a process, for good

DESCRIPTORS = Path("/proc/self/fd")
GRACE_SECS = 2.0


@pytest.fixture(autouse=True)
def leaves_no_threads_or_descriptors() -> Iterator[None]:
    """Fail a test after which a thread or a descriptor is there that was not there before."""
    threads = set(threading.enumerate())
    descriptors = _descriptors()
    yield
    deadline = time.monotonic() + GRACE_SECS
    while True:
        new_threads = [t for t in threading.enumerate() if t not in threads and _is_ours(t)]
        new_descriptors = {k: v for k, v in _descriptors().items() if descriptors.get(k) != v}
        if not new_threads and not new_descriptors:
            return
        if time.monotonic() > deadline:
            pytest.fail(f"left behind: threads {new_threads}, descriptors {new_descriptors}")
        gc.collect()  # what hangs on a cycle is not a leak
        time.sleep(0.01)


@pytest.fixture(autouse=True)
async def leaves_no_asyncio_tasks(leaves_no_threads_or_descriptors: None) -> AsyncIterator[None]:
    """Fail a test which leaves an asyncio task running, or whose pipeline tasks report a leak.

    Or in which the loop's exception handler is called.
    """
    before = asyncio.all_tasks()
    from support.tasks import made

    made.clear()
    loop = asyncio.get_running_loop()
    nobodys: list[str] = []

    def nobody_handled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nobodys.append(f"{context['message']}: {context.get('exception')!r}")
        loop.default_exception_handler(context)

    loop.set_exception_handler(nobody_handled)
    yield
    deadline = loop.time() + GRACE_SECS
    ignored = before | {asyncio.current_task()}
    while left := asyncio.all_tasks() - ignored:
        if loop.time() > deadline:
            pytest.fail(f"left behind: asyncio tasks {[task.get_name() for task in left]}")
        await asyncio.sleep(0.001)
    for task in made:
        if task.has_finished() and hasattr(task, "leak_report"):
            assert not task.leak_report(), f"{task.name} left behind: {task.leak_report()}"
    made.clear()
    gc.collect(1)  # a task whose exception nobody asks for says so when it dies
    assert not nobodys, "exceptions that nobody handled"


def _is_ours(thread: threading.Thread) -> bool:
    """Whether Python started it: a native thread that once logged something stays in the list."""
    return thread.is_alive() and not isinstance(thread, threading._DummyThread)


def _descriptors() -> dict[str, str]:
    """Open descriptors and what they point to; nothing where there is no /proc."""
    found = {}
    for name in os.listdir(DESCRIPTORS) if DESCRIPTORS.is_dir() else ():
        try:
            found[name] = os.readlink(DESCRIPTORS / name)
        except OSError:
            continue  # the descriptor of the listing itself
    return found
