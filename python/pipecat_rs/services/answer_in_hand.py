"""The answer that a language model service is making, so that it can be stopped alone.

An interruption stops it as well, but also drops what waits behind it: after a turn that was
expected too early, that would be the context to answer instead.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pipecat_rs.frames.frames import LLMContextFrame


class AnswerInHand:
    """Finds the callback that answers a context, as long as it runs."""

    def __init__(self) -> None:
        """Begin without one."""
        self._context_frame: LLMContextFrame | None = None
        self._task: asyncio.Task[Any] | None = None

    def begin(self, frame: LLMContextFrame) -> None:
        """Take note of a context; called from the callback that answers it.

        Args:
            frame: The context.
        """
        self._context_frame = frame
        self._task = asyncio.current_task()

    def stop(self) -> bool:
        """Cancel the callback, if it is still about that context; return whether it is."""
        task, frame = self._task, self._context_frame
        self._task = self._context_frame = None
        if task is None or task is asyncio.current_task():
            return False
        # Its task is lent to one callback after the other, so what it runs has to be looked at.
        callback = getattr(task.get_coro(), "cr_frame", None)
        if callback is None or not any(v is frame for v in callback.f_locals.values()):
            return False
        return task.cancel()
