"""What a text-to-speech service has to push, kept in order while audio is still being made.

A service may begin to make the audio of a sentence before that of the last one is complete. Audio
and what belongs to it are therefore gathered in *contexts*, one for each answer or utterance.
Contexts, and frames between them, leave in the order they were begun; what is first in line leaves
as soon as it comes. There is no task: whoever adds something pushes what can leave.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from pipecat_rs.frames.frames import Frame
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.utils.restartable_timer import RestartableTimer

_logger = logging.getLogger(__name__)


class SpeechContext:
    """The audio of one answer or utterance, and what belongs to it.

    Attributes:
        context_id: Its identifier.
        interruptible: Whether an interruption drops it.
        received_audio: Whether audio has left.
        stop_frame_due: Whether a stop frame is to end it.
        was_cut_off: Whether the rest of its audio is lost.
    """

    def __init__(self, context_id: str, *, interruptible: bool) -> None:
        """Begin a context.

        Args:
            context_id: Its identifier.
            interruptible: Whether an interruption drops it.
        """
        self.context_id = context_id
        self.interruptible = interruptible
        self.received_audio = False
        self.stop_frame_due = False
        self.was_cut_off = False
        self._items: deque[Any] = deque()
        self._ended = False


class SpeechQueue:
    """Contexts and frames in line.

    The owner pushes: a frame between contexts, an item of a context, the end of a context.
    """

    def __init__(
        self,
        owner: BaseObject,
        *,
        push_frame: Callable[[Frame], Awaitable[None]],
        push_item: Callable[[SpeechContext, Any], Awaitable[None]],
        push_end: Callable[[SpeechContext], Awaitable[None]],
        idle_secs: float,
    ) -> None:
        """Make an empty queue.

        Args:
            owner: Whose queue it is.
            push_frame: Pushes a frame between contexts.
            push_item: Pushes an item of a context.
            push_end: Pushes what ends a context.
            idle_secs: A context which is first in line and gets nothing for so long has ended.
        """
        self._owner = owner
        self._push_frame = push_frame
        self._push_item = push_item
        self._push_end = push_end
        self._idle_secs = idle_secs
        self._line: deque[Frame | SpeechContext] = deque()
        self._contexts: dict[str, SpeechContext] = {}
        self._draining = False
        self._idle_timer = RestartableTimer(owner, self._end_idle, "idle_context")
        self._emptied: asyncio.Event | None = None

    @property
    def contexts(self) -> list[str]:
        """Identifiers of the contexts in line."""
        return list(self._contexts)

    @property
    def playing(self) -> SpeechContext | None:
        """The context that is first in line."""
        head = self._line[0] if self._line else None
        return head if isinstance(head, SpeechContext) else None

    @property
    def empty(self) -> bool:
        """Whether nothing is in line."""
        return not self._line

    def has(self, context_id: str | None) -> bool:
        """Return whether a context is in line and takes more.

        Args:
            context_id: Its identifier.
        """
        context = self._contexts.get(context_id or "")
        return context is not None and not context._ended

    async def put(self, frame: Frame) -> None:
        """Put a frame at the end of the line.

        Args:
            frame: The frame.
        """
        self._line.append(frame)
        await self.drain()

    def begin(self, context_id: str, *, interruptible: bool) -> None:
        """Put a new context at the end of the line.

        Args:
            context_id: Its identifier.
            interruptible: Whether an interruption drops it.
        """
        context = SpeechContext(context_id, interruptible=interruptible)
        self._contexts[context_id] = context
        self._line.append(context)

    async def add(self, context_id: str, item: Any) -> None:
        """Add an item to a context.

        Args:
            context_id: Identifier of a context in line.
            item: The item.
        """
        self._contexts[context_id]._items.append(item)
        await self.drain()

    async def end(self, context_id: str) -> None:
        """End a context: nothing more comes.

        Args:
            context_id: Identifier of a context in line.
        """
        self._contexts[context_id]._ended = True
        await self.drain()

    def cut_off(self, context_id: str) -> None:
        """Take note that the rest of a context is lost; it has to be ended too.

        Args:
            context_id: Its identifier; one that is not in line is left alone.
        """
        if context_id in self._contexts:
            self._contexts[context_id].was_cut_off = True

    def keep_alive(self, context_id: str) -> None:
        """Give a context time anew, as more is about to come.

        Args:
            context_id: Its identifier.
        """
        playing = self.playing
        if playing is not None and playing.context_id == context_id and self._idle_timer.running:
            self._idle_timer.start(self._idle_secs)

    def drop_interruptible(self) -> list[str]:
        """Drop what an interruption drops.

        Returns:
            Identifiers of the contexts dropped.
        """
        self._idle_timer.cancel()
        dropped = [c.context_id for c in self._contexts.values() if c.interruptible]
        for context_id in dropped:
            del self._contexts[context_id]
        self._line = deque(entry for entry in self._line if not entry.interruptible)
        return dropped

    def close(self) -> None:
        """Drop everything."""
        self._idle_timer.cancel()
        self._line.clear()
        self._contexts.clear()
        self._tell_emptied()

    async def drain(self) -> None:
        """Push what can leave. While another caller does so, it takes what is new with it."""
        if self._draining:
            return
        self._draining = True
        try:
            await self._push_ready()
        except BaseException:
            # An interruption has cancelled the caller. What it does not drop still has to leave.
            if any(not entry.interruptible for entry in self._line):
                asyncio.get_running_loop().call_soon(self._drain_in_task)
            raise
        finally:
            self._draining = False

    async def wait_until_empty(self) -> None:
        """Wait until everything has left."""
        if self._line:
            self._emptied = asyncio.Event()
            await self._emptied.wait()

    def _drain_in_task(self) -> None:
        self._owner.create_task(self.drain(), "drain")

    async def _push_ready(self) -> None:
        self._idle_timer.cancel()
        while self._line:
            head = self._line[0]
            if not isinstance(head, SpeechContext):
                self._line.popleft()
                await self._push_frame(head)
            elif head._items:
                await self._push_item(head, head._items.popleft())
            elif head._ended:
                self._line.popleft()
                if self._contexts.get(head.context_id) is head:
                    del self._contexts[head.context_id]
                await self._push_end(head)
            else:
                self._idle_timer.start(self._idle_secs)
                return
        self._tell_emptied()

    def _tell_emptied(self) -> None:
        if self._emptied is not None:
            self._emptied.set()
            self._emptied = None

    async def _end_idle(self) -> None:
        playing = self.playing
        if playing is not None:
            _logger.debug("%s: nothing more came for %s", self._owner, playing.context_id)
            await self.end(playing.context_id)
