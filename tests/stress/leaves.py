"""The processors of random pipelines: they do what their behaviour says, and note what they do."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine
from typing import Any

from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMTextFrame,
    StartFrame,
    StopFrame,
    TranscriptionFrame,
)
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.processors.filters.identity_filter import IdentityFilter
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.testing import VirtualTimeLoop
from support.frames import Control, Data, Lasting, System
from support.tasks import DOWN, UP

from stress.ledger import TRACKED, Ledger, in_hand
from stress.plan import Behaviour

SHORT = 0.001
"""A real sleep, in seconds."""

LIFECYCLE = {
    "start": StartFrame,
    "end": (EndFrame, StopFrame),
    "cancel": CancelFrame,
    "nothing": (),
}


class OnPurpose(Exception):
    """Raised by a processor because its behaviour says so."""


def make_frame(kind: str) -> Frame:
    """A frame of a kind that plans name."""
    match kind:
        case "data":
            return Data()
        case "control":
            return Control()
        case "system":
            return System()
        case "lasting":
            return Lasting()
        case "own":
            frame = Data()
            frame.interruptible = False
            return frame
        case "words":
            return TranscriptionFrame("words", "somebody", "now")
        case "made":
            return LLMTextFrame("made")
    raise ValueError(kind)


class Surroundings:
    """What the processors of a run share."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.threads: list[threading.Thread] = []
        self.helpers: set[asyncio.Task[None]] = set()

    def is_here(self) -> bool:
        return threading.get_ident() == self.thread

    def later(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in an asyncio task which no task manager knows of."""
        task = self.loop.create_task(coroutine)
        self.helpers.add(task)
        task.add_done_callback(self.helpers.discard)

    def in_thread(self, work: Any) -> None:
        """Run a function in a thread; time does not jump meanwhile."""
        hold = (
            self.loop.clock.hold()
            if isinstance(self.loop, VirtualTimeLoop)
            else contextlib.nullcontext()
        )
        hold.__enter__()

        def run() -> None:
            try:
                work()
            finally:
                hold.__exit__(None, None, None)

        thread = threading.Thread(target=run)
        self.threads.append(thread)
        thread.start()


class Leaf(FrameProcessor):
    """Hands every frame on, more or less."""

    def __init__(self, behaviour: Behaviour, around: Surroundings) -> None:
        super().__init__(name=f"leaf {behaviour.number}", enable_direct_mode=behaviour.direct)
        self.behaviour = behaviour
        self.around = around
        self.ledger = around.ledger
        self.count, self.extras = 0, 6
        self.hooks_pushes = False
        for place in {*behaviour.listens, *behaviour.raises}:
            self._listen_at(place)

    def _listen_at(self, place: str) -> None:
        events = {
            "before process": "on_before_process_frame",
            "after process": "on_after_process_frame",
            "before push": "on_before_push_frame",
            "after push": "on_after_push_frame",
            "on error": "on_error",
        }
        if place not in events:
            return
        self.hooks_pushes = self.hooks_pushes or place.endswith("push")

        async def handler(_processor: FrameProcessor, frame: Frame) -> None:
            if place in self.behaviour.listens and isinstance(frame, TRACKED):
                try:
                    for _ in range(self.behaviour.amount):
                        await asyncio.sleep(0)
                except asyncio.CancelledError:
                    self.ledger.cut_short.add(frame.id)
                    raise
            self._raise_at(place)

        self.add_event_handler(events[place], handler)

    def _is_due(self, every: int) -> bool:
        return every > 0 and self.count % every == 0

    def _raise_at(self, place: str) -> None:
        if place in self.behaviour.raises and self._is_due(self.behaviour.raise_every):
            raise OnPurpose(place)

    # ---- set-up and clean-up

    async def setup(self, setup: FrameProcessorSetup) -> None:
        await super().setup(setup)
        if self.behaviour.pace in ("passes", "sleep"):
            await asyncio.sleep(SHORT if self.behaviour.pace == "sleep" else 0)
        if "setup" in self.behaviour.raises:
            raise OnPurpose("setup")

    async def cleanup(self) -> None:
        await super().cleanup()
        if self.behaviour.pace in ("passes", "sleep"):
            await asyncio.sleep(SHORT if self.behaviour.pace == "sleep" else 0)
        if "cleanup" in self.behaviour.raises:
            raise OnPurpose("cleanup")

    # ---- pushing

    def push_frame(self, frame: Frame, direction: FrameDirection = DOWN) -> Any:
        if not (self.around.is_here() and self._placed):
            self.ledger.strays.add(frame.id)
        elif not self.hooks_pushes:
            self.ledger.pushed(self.behaviour.number, frame, direction)
        return super().push_frame(frame, direction)

    def _push_frame(self, frame: Frame, direction: FrameDirection | None = None) -> Any:
        # The push itself, behind the handlers that are called before it.
        if self.hooks_pushes and self.around.is_here() and self._placed:
            self.ledger.pushed(self.behaviour.number, frame, direction or DOWN)
        return super()._push_frame(frame, direction)

    # ---- frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        self.ledger.entered(self.behaviour.number, frame, direction)
        if isinstance(frame, InterruptionFrame):
            self.ledger.interrupted()
        await super().process_frame(frame, direction)
        if isinstance(frame, LIFECYCLE[self.behaviour.stuck_on]):
            self.ledger.was_cancelled = True
            await asyncio.get_running_loop().create_future()
        if not isinstance(frame, TRACKED):
            await self.push_frame(frame, direction)
            return
        self.count += 1
        before = in_hand.set(frame)
        try:
            await self._misbehave(frame)
            if self._is_due(self.behaviour.drop_every):
                self.ledger.consumed.add(frame.id)
            else:
                await self.push_frame(frame, direction)
        except BaseException:
            self.ledger.consumed.add(frame.id)
            raise
        finally:
            in_hand.reset(before)

    async def _misbehave(self, frame: Frame) -> None:
        behaviour = self.behaviour
        if self._is_due(behaviour.pace_every):
            await self._take_time(frame)
        self._raise_at("process")
        if self.extras and self._is_due(behaviour.extra_every):
            self.extras -= 1  # or two of them might answer each other for ever
            await self._push_extra(frame)
        if self._is_due(behaviour.pause_every):
            await self._rest()

    async def _take_time(self, frame: Frame) -> None:
        try:
            await self._wait()
        except asyncio.CancelledError:
            # In direct mode it may be the caller's frame that was interrupted.
            if self.ledger.ended_by is None and not self.behaviour.direct:
                self.ledger.cancelled.append(frame)
            if self.behaviour.swallows == "no":
                raise
            # The engine goes on without it; what it still pushes comes behind its time.
            self.ledger.consumed.add(frame.id)
            self.ledger.late.add(frame.id)
            if self.behaviour.swallows == "lingers":
                until = self.around.loop.time() + 20 * SHORT
                while self.around.loop.time() < until:
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.sleep(5 * SHORT)

    async def _wait(self) -> None:
        amount, loop = self.behaviour.amount, asyncio.get_running_loop()
        match self.behaviour.pace:
            case "passes":
                for _ in range(amount):
                    await asyncio.sleep(0)
            case "sleep":
                await asyncio.sleep(SHORT * amount)
            case "future":
                future = loop.create_future()
                loop.call_later(SHORT * (amount - 1), _set, future)
                await asyncio.wait_for(future, 30)
            case "event":
                event = asyncio.Event()
                self.around.later(_set_event(event, amount))
                await event.wait()
            case "thread":
                await asyncio.to_thread(time.sleep, SHORT / 4)

    async def _push_extra(self, frame: Frame) -> None:
        match self.behaviour.extra:
            case "down" | "up" as way:
                await self.push_frame(Data(), DOWN if way == "down" else UP)
            case "broadcast":
                await self.broadcast_frame(System if self.count % 2 else Control)
            case "task":
                self.create_task(self._burst(self.behaviour.amount), "burst")
            case "thread":
                self.around.in_thread(lambda: self._post(self.behaviour.amount))
            case "own loop":
                self.around.in_thread(lambda: asyncio.run(self._burst(self.behaviour.amount)))
            case "self":
                extra = Data()
                self.ledger.strays.add(extra.id)
                await self.queue_frame(extra, DOWN, self._called_back)
            case "error":
                await self.push_error("on purpose", OnPurpose("error"))
            case "interruption":
                self.ledger.interrupted()
                await self.broadcast_interruption()
                self.ledger.interrupted()

    async def _called_back(self, *_: Any) -> None:
        await asyncio.sleep(0)
        self._raise_at("callback")

    async def _burst(self, count: int) -> None:
        for n in range(count):
            await self.push_frame(Data(), UP if n % 3 == 2 else DOWN)
            await asyncio.sleep(0)

    def _post(self, count: int) -> None:
        for _ in range(count):
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                asyncio.run_coroutine_threadsafe(self.push_frame(Data()), self.around.loop)

    async def _rest(self) -> None:
        match self.behaviour.pauses:
            case "resumed":
                await self.pause_processing_frames()
                self.around.later(self._resume_soon())
            case "until":
                await self.pause_processing_all_frames_until(self._ready, timeout=0.1)
            case "lease":
                await self.pause_processing_frames()

    async def _resume_soon(self) -> None:
        await asyncio.sleep(SHORT * self.behaviour.amount)
        await self.resume_processing_frames()

    async def _ready(self) -> None:
        await asyncio.sleep(SHORT * self.behaviour.amount)
        self._raise_at("callback")


class Narrow(Leaf):
    """Handles data only; everything else is routed past it."""

    handles = (Data,)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)


class Watcher(BaseObserver):
    """An observer that is quick, slow or raises."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.count = kind, 0

    async def on_push_frame(self, data: FramePushed) -> None:
        self.count += 1
        if self.kind == "slow" and self.count % 5 == 0:
            await asyncio.sleep(SHORT)
        if self.kind == "raises" and self.count % 3 == 0:
            raise OnPurpose("observer")


def make_leaf(behaviour: Behaviour, around: Surroundings) -> FrameProcessor:
    """The processor of a behaviour."""
    if behaviour.native:
        return IdentityFilter(name=f"native {behaviour.number}")
    return (Narrow if behaviour.narrow else Leaf)(behaviour, around)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _set_event(event: asyncio.Event, passes: int) -> None:
    for _ in range(passes):
        await asyncio.sleep(0)
    event.set()
