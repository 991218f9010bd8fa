"""Processors that tests put into pipelines."""

import asyncio
from collections.abc import Callable
from typing import Any

from pipecat_rs.frames.frames import Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import FrameMatch

from support.waiting import within


class Pass(FrameProcessor):
    """Hands every frame on."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Swallow(FrameProcessor):
    """Hands every frame on but those that match."""

    def __init__(self, match: FrameMatch, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.match = match

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not matches(frame, self.match):
            await self.push_frame(frame, direction)


class Act(FrameProcessor):
    """Awaits `action(processor, frame, direction)`, then hands the frame on."""

    def __init__(self, action: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.action = action

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.action(self, frame, direction)
        await self.push_frame(frame, direction)


class Hold(FrameProcessor):
    """Stays in `process_frame` with each matching frame until it is told to go on.

    `log` notes ("enter" | "leave" | "cancelled", frame) as it happens.
    """

    def __init__(self, match: FrameMatch, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.match = match
        self.log: list[tuple[str, Frame]] = []
        self._changed = asyncio.Event()
        self._go = asyncio.Semaphore(0)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self._note("enter", frame)
        if matches(frame, self.match):
            try:
                await self._go.acquire()
            except asyncio.CancelledError:
                self._note("cancelled", frame)
                raise
        self._note("leave", frame)
        await self.push_frame(frame, direction)

    def release(self, count: int = 1) -> None:
        """Let `count` held frames go, now or when they come."""
        for _ in range(count):
            self._go.release()

    async def wait_for(self, what: str, frame: Frame) -> None:
        """Wait until `log` has ("enter" | "leave" | "cancelled", this frame)."""

        async def noted() -> None:
            while not self.noted(what, frame):
                self._changed.clear()
                await self._changed.wait()

        await within(noted())

    def noted(self, what: str, frame: Frame) -> bool:
        return any(step == what and seen is frame for step, seen in self.log)

    def entered(self) -> list[Frame]:
        return [frame for step, frame in self.log if step == "enter"]

    def _note(self, what: str, frame: Frame) -> None:
        self.log.append((what, frame))
        self._changed.set()


def matches(frame: Frame, match: FrameMatch) -> bool:
    return isinstance(frame, match) if isinstance(match, type | tuple) else match(frame)
