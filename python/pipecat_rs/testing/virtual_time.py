"""A loop whose time jumps: a test that sleeps five minutes takes none.

When nothing is ready to run, the loop's time jumps to its next timer, as trio's `MockClock` has it.
Everything that asks the loop for the time follows: `asyncio.sleep` and `asyncio.timeout`, a task's
deadlines, heartbeats and idle timeouts, the leases of pauses. Time stands still while code runs, so
the moments are exact: whoever slept for 300 s wakes at 300.

    @virtual_time
    async def test_an_idle_task_ends():
        task = PipelineTask(pipeline, idle_timeout_secs=300)
        await task.run()
        assert VirtualClock.current().time() == 300

With pytest-asyncio the tests of a module run so if the module (or a conftest.py) has this fixture:

    @pytest.fixture
    def event_loop_policy():
        return VirtualTimePolicy()

What happens outside of the loop takes real time, and a jump must not leave it behind. Work in
executors (`asyncio.to_thread`) is seen: time then passes at its real pace until it is done. Before
each jump, open sockets and pipes are given a moment of real time to become readable. Of threads
and processes of your own, and of native audio sources, the loop knows nothing; hold it meanwhile:

    with VirtualClock.current().hold():
        await answered.wait()

Code that reads `time.monotonic()` or `time.time()` sees real time.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from pipecat_rs import _core
from pipecat_rs.clocks.base_clock import BaseClock

__all__ = [
    "IO_GRACE_SECS",
    "VirtualClock",
    "VirtualTaskClock",
    "VirtualTimeLoop",
    "VirtualTimePolicy",
    "run_in_virtual_time",
    "virtual_time",
]

T = TypeVar("T")
P = ParamSpec("P")

IO_GRACE_SECS = 0.01
"""Real time that open sockets and pipes have before each jump, in seconds."""


class VirtualClock:
    """The time of one `VirtualTimeLoop`."""

    def __init__(self, io_grace: float = IO_GRACE_SECS) -> None:
        """Make a clock that reads 0.

        Args:
            io_grace: Real time that open sockets and pipes have before each jump, in seconds.
        """
        self.io_grace = io_grace
        self._now = 0.0
        self._jumps = 0
        self._holds = 0
        self._lock = threading.Lock()
        self._wake: Callable[[], None] | None = None

    @classmethod
    def current(cls) -> VirtualClock:
        """Return the clock of the running loop.

        Raises:
            RuntimeError: If no loop runs, or one of real time.
        """
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualTimeLoop):
            raise RuntimeError(
                f"{loop!r} runs in real time: decorate the test with virtual_time, or use "
                "VirtualTimePolicy"
            )
        return loop.clock

    def time(self) -> float:
        """Return the seconds since the loop was made; the same as its `time()`."""
        return self._now

    @property
    def jumps(self) -> int:
        """How often time has jumped."""
        return self._jumps

    @property
    def is_held(self) -> bool:
        """Whether time passes at its real pace."""
        return self._holds > 0

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Let time pass at its real pace for the length of a `with` block. From any thread."""
        self._hold()
        try:
            yield
        finally:
            self._release()

    def for_task(self) -> VirtualTaskClock:
        """Return a clock for a `PipelineTask` that follows this one."""
        return VirtualTaskClock(self)

    def _hold(self) -> None:
        with self._lock:
            self._holds += 1

    def _release(self) -> None:
        with self._lock:
            self._holds -= 1
        if self._wake is not None:
            self._wake()

    def _pass(self, seconds: float) -> None:
        self._now += seconds

    def _jump(self, seconds: float) -> None:
        self._jumps += 1
        self._now += seconds


class VirtualTaskClock(BaseClock):
    """The clock of a task in virtual time. It reads 0 before its start."""

    def __init__(self, clock: VirtualClock) -> None:
        """Make a clock that stands still.

        Args:
            clock: What it follows from its start on.
        """
        self._clock = clock
        self._started_at: float | None = None

    def get_time(self) -> int:
        """Return the virtual time since `start`, in ns."""
        if self._started_at is None:
            return 0
        return round((self._clock.time() - self._started_at) * 1e9)

    def start(self) -> None:
        """Start the clock, or start it again at zero."""
        self._started_at = self._clock.time()


class _JumpingSelector(selectors.BaseSelector):
    """Where a loop waits, and so the one place where it can jump."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._real = selectors.DefaultSelector()
        self.inner: set[int] = set()  # descriptors over which nothing comes from outside

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            return self._real.select(None)  # without a timer there is nothing to jump to
        if self._clock.is_held:
            begun = time.monotonic()
            ready = self._real.select(timeout)
            self._clock._pass(min(time.monotonic() - begun, timeout))
            return ready
        if self._clock.io_grace and not self.inner.issuperset(self._real.get_map()):
            ready = self._real.select(self._clock.io_grace)
            if ready:
                return ready
        self._clock._jump(timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.get_key(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose time jumps to the next timer when nothing is ready.

    Attributes:
        clock: Its time.
    """

    def __init__(self, clock: VirtualClock | None = None) -> None:
        """Make a loop.

        Args:
            clock: Its time; one that reads 0 if not given. A clock belongs to one loop.
        """
        self.clock = clock or VirtualClock()
        selector = _JumpingSelector(self.clock)
        self._waiting_place = selector
        super().__init__(selector)
        selector.inner.update(selector.get_map())  # the pipe that wakes the loop
        self.clock._wake = self._wake_up

    def time(self) -> float:
        """Return the clock's time, in seconds."""
        return self.clock.time()

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> Any:
        """See asyncio. Until the work is done, time passes at its real pace."""
        future = super().run_in_executor(executor, func, *args)
        self.clock._hold()
        future.add_done_callback(lambda _: self.clock._release())
        return future

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:
        """See asyncio."""
        super().add_reader(fd, callback, *args)
        if isinstance(getattr(callback, "__self__", None), _core.Runner):
            self._waiting_place.inner.add(fd)  # an engine's bell

    def remove_reader(self, fd: Any) -> bool:
        """See asyncio."""
        self._waiting_place.inner.discard(fd)
        return super().remove_reader(fd)

    def _wake_up(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closed
            self.call_soon_threadsafe(lambda: None)


class VirtualTimePolicy(asyncio.DefaultEventLoopPolicy):
    """Makes loops of virtual time."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return a new loop whose time is 0."""
        return VirtualTimeLoop()


def run_in_virtual_time(main: Coroutine[Any, Any, T], *, clock: VirtualClock | None = None) -> T:
    """Run a coroutine on a loop of its own whose time jumps, as `asyncio.run` does in real time.

    Args:
        main: The coroutine.
        clock: The loop's time; one that reads 0 if not given.

    Returns:
        What the coroutine returns.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
        return runner.run(main)


def virtual_time(test: Callable[P, Awaitable[T]]) -> Callable[P, T]:
    """Decorate an async function so that calling it runs it in virtual time, to its end.

    The result is a plain function: it needs no plugin of pytest's, and takes the same fixtures.
    Fixtures that are async run on another loop.
    """

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_in_virtual_time(cast(Coroutine[Any, Any, T], test(*args, **kwargs)))

    return run
