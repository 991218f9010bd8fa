"""Accepting a renamed constructor argument by its old name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type)


def renamed_init_field(old: str, new: str, message: str) -> Callable[[_Class], _Class]:
    """Make a dataclass take one of its fields by the field's old name too.

    It stands above ``@dataclass``, on each class which should know the old name: ``@dataclass``
    gives every class a constructor of its own.

    Args:
        old: The deprecated keyword.
        new: The field's name.
        message: Text of the DeprecationWarning.
    """

    def decorate(cls: _Class) -> _Class:
        init: Callable[..., None] = cls.__init__

        @wraps(init)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            if old in kwargs:
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                kwargs.setdefault(new, kwargs.pop(old))
            init(self, *args, **kwargs)

        cls.__init__ = __init__
        return cls

    return decorate
