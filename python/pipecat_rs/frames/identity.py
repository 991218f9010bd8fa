"""Identity of frames and objects: one process-wide counter, and one counter for each class name.

The counters are the C-level ``next`` of an ``itertools.count``. They are atomic under the
interpreter lock, so that no lock of our own stands on the way of each frame that is built.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

_next_numbers: dict[str, Callable[[], int]] = {}

obj_id: Callable[[], int] = count().__next__
"""Return the next identifier of the process. Identifiers only increase."""


def numbering_of(class_name: str) -> Callable[[], int]:
    """Return the counter which numbers the instances of all classes of one name, from 0.

    Classes of equal name share it: ``Class#n`` names one object in the whole process.
    """
    return _next_numbers.get(class_name) or _next_numbers.setdefault(class_name, count().__next__)


def obj_count(obj: object) -> int:
    """Return the next number among the instances of the class of ``obj``, from 0."""
    return numbering_of(type(obj).__name__)()
