"""Declared interest: which frames a processor handles itself.

A class says `handles = (TranscriptionFrame, ...)`, or marks methods with `@handles(...)`. The
engine then routes every other frame past it, in order, without a step of Python. Lifecycle frames
and interruptions reach it all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pipecat_rs import _core

if TYPE_CHECKING:
    from pipecat_rs.frames.frames import Frame

_Method = TypeVar("_Method", bound=Callable[..., Any])

_MARK = "_handles_frames"


def handles(*frame_types: type[Frame]) -> Callable[[_Method], _Method]:
    """Mark a method as the handler of some frame classes.

    The method is called as ``await method(frame, direction)``, in place of `process_frame`; it
    decides whether to push the frame on. Frames of no marked class pass by.

    Args:
        *frame_types: The classes, subclasses included.
    """

    def mark(method: _Method) -> _Method:
        setattr(method, _MARK, frame_types)
        return method

    return mark


def marked_methods(cls: type) -> dict[type[Frame], str]:
    """Return which method of a class handles which frame class; the most derived one wins."""
    found: dict[type[Frame], str] = {}
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            for frame_type in getattr(member, _MARK, ()):
                found[frame_type] = name
    return found


def declared_interest(cls: type) -> tuple[type[Frame], ...] | None:
    """Return the frame classes that a processor class handles, or None for all.

    A subclass that overrides `process_frame` without saying `handles` anew gets everything: it was
    not its author who narrowed the interest.
    """
    cached = cls.__dict__.get("_declared_interest", False)
    if cached is not False:
        return cached
    interest = _find_interest(cls)
    cls._declared_interest = interest  # type: ignore[attr-defined]
    return interest


def _find_interest(cls: type) -> tuple[type[Frame], ...] | None:
    marked: dict[type[Frame], str] = getattr(cls, "_marked_methods", {})
    for base in cls.__mro__:
        declared = base.__dict__.get("handles")
        if declared is not None:
            return (*declared, *marked)
        process_frame = base.__dict__.get("process_frame")
        if process_frame is not None:
            return tuple(marked) if process_frame is process_marked else None
    return None


async def process_marked(self: Any, frame: Frame, direction: Any) -> None:
    """Call the method that is marked for a frame: `process_frame` of a class with marks."""
    await _core.ProcessorBase.process_frame(self, frame, direction)
    for cls in type(frame).__mro__:
        name = self._marked_methods.get(cls)
        if name is not None:
            await getattr(self, name)(frame, direction)
            return
    await self.push_frame(frame, direction)
