"""The roots of all frames: `Frame` and its three kinds, system, data and control.

Every frame is a dataclass, and users derive their own with a plain ``@dataclass``. Two habits
of the classes in this package keep importing and building them cheap:

- They are declared ``@dataclass(repr=False, eq=False)``: a generated ``__repr__`` and ``__eq__``
  would double the import time of 150 classes. `Frame` has one ``__repr__`` for all, and a frame
  equals itself alone, which is what unequal ``id`` fields come to anyway.
- A class that adds no field carries no decorator: it is a dataclass by inheritance, with the
  constructor of its base.

What a frame rarely needs is made when it is first read (`name`, `metadata`), or is a default on
the class (`pts` and the others) until somebody sets it on the instance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from pipecat_rs.frames.identity import numbering_of, obj_id


class _OnFirstRead:
    """A field whose value is made when it is first read, and kept in the instance.

    It defines no ``__set__``, so the kept value, or one that is assigned, hides it from then on.
    """

    def __init__(self, name: str, make: Callable[[Frame], Any]) -> None:
        self._name = name
        self._make = make

    def __get__(self, frame: Frame | None, owner: type) -> Any:
        if frame is None:
            # Dataclasses take what a class attribute yields for a field's default.
            raise AttributeError(f"{owner.__name__}.{self._name} exists on frames only")
        value = self._make(frame)
        frame.__dict__[self._name] = value
        return value


class _Interruptible:
    """The field `interruptible`: a default of the class, and perhaps a word of one frame's own.

    It tells the engine of classes with a frame that has a word of its own, so that an interruption
    asks only those frames, and the hundreds of others in a mailbox go by their class.
    """

    def __init__(self, default: bool) -> None:
        self.default = default

    def __get__(self, frame: Frame | None, owner: type) -> bool:
        if frame is None:
            return self.default
        return frame.__dict__.get("interruptible", self.default)

    def __set__(self, frame: Frame, value: bool) -> None:
        frame.__dict__["interruptible"] = bool(value)
        cls = type(frame)
        if cls not in classes_with_own_words:
            classes_with_own_words.add(cls)
            for tell in own_word_listeners:
                tell(cls)


classes_with_own_words: set[type[Frame]] = set()
"""Classes of which some frame has been made interruptible or not by itself."""

own_word_listeners: list[Callable[[type[Frame]], None]] = []
"""Called with each class that joins `classes_with_own_words`."""


class _FirstNumber:
    """Numbers the first frame of a class, when the class is complete.

    The dataclass decorator puts a plain default for `interruptible` into a class that names it
    again; here it is replaced, before there is a frame to set it on.
    """

    def __init__(self, cls: type[Frame]) -> None:
        self._cls = cls

    def __call__(self) -> int:
        cls = self._cls
        default = cls.__dict__.get("interruptible")
        if isinstance(default, bool):
            cls.interruptible = _Interruptible(default)  # type: ignore[assignment]
        cls._next_number = numbering_of(cls.__name__)
        return cls._next_number()


@dataclass(repr=False, eq=False)
class UninterruptibleFrame:
    """Mixin which makes frames uninterruptible by default.

    Deprecated in pipecat 1.11 in favour of the `Frame.interruptible` field.
    """


@dataclass(repr=False, eq=False)
class Frame:
    """Base of all frames.

    None of these attributes is a constructor argument.

    Attributes:
        id: Number of this frame, from one counter for the whole process.
        name: Class name, ``#`` and the frame's number among those of its class, from 0.
        pts: Presentation timestamp in ns, or None.
        broadcast_sibling_id: The `id` of the other frame of a broadcast, or None.
        metadata: Whatever the application attaches to this frame.
        transport_source: Name of the transport source that the frame came from, or None.
        transport_destination: Name of the transport destination it is meant for, or None.
        interruptible: Whether an interruption may drop this frame or cancel its processing.
            A class sets its default with ``interruptible: bool = field(default=False,
            init=False)``; setting it on one frame before pushing it decides for that frame.
    """

    id: int = field(init=False)
    name: str = field(init=False)
    pts: int | None = field(default=None, init=False)
    broadcast_sibling_id: int | None = field(default=None, init=False)
    metadata: dict[str, Any] = field(init=False)
    transport_source: str | None = field(default=None, init=False)
    transport_destination: str | None = field(default=None, init=False)
    interruptible: bool = field(default=True, init=False)

    # A built-in callable: unlike a function, it does not bind as a method.
    _next_number: ClassVar[Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give the class its numbering, and the mixin's subclasses their default."""
        super().__init_subclass__(**kwargs)
        cls._next_number = _FirstNumber(cls)
        if issubclass(cls, UninterruptibleFrame) and "interruptible" not in cls.__dict__:
            cls.interruptible = False

    def __post_init__(self) -> None:
        """Take an id and a number. A subclass that overrides this calls it first."""
        self.id = obj_id()
        self._number = self._next_number()

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        # Reads past descriptors, as those of deprecated fields warn when read.
        values = (
            (f.name, self.__dict__[f.name] if f.name in self.__dict__ else getattr(self, f.name))
            for f in fields(self)
            if f.repr
        )
        return f"{type(self).__qualname__}({', '.join(f'{n}={v!r}' for n, v in values)})"


def _name_of(frame: Frame) -> str:
    return f"{type(frame).__name__}#{frame._number}"


def _new_metadata(frame: Frame) -> dict[str, Any]:
    return {}


# After the decorator has run: it would take these for the defaults of the fields.
Frame.name = _OnFirstRead("name", _name_of)  # type: ignore[assignment]
Frame.metadata = _OnFirstRead("metadata", _new_metadata)  # type: ignore[assignment]
Frame.interruptible = _Interruptible(True)  # type: ignore[assignment]
Frame._next_number = numbering_of("Frame")


class SystemFrame(Frame):
    """A frame that overtakes data and control frames, and survives interruptions.

    A class that is both a system and a data frame counts as a system frame.
    """


class DataFrame(Frame):
    """A frame of content, such as text, audio or images, processed in order."""


class ControlFrame(Frame):
    """A frame that changes how what follows is processed; it keeps its place among data frames."""
