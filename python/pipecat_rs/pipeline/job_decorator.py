"""Marks methods of workers as handlers of jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Method = TypeVar("_Method", bound=Callable[..., Any])


def job(*, name: str, sequential: bool = False) -> Callable[[_Method], _Method]:
    """Mark a method of a worker as the handler of a job.

    The method is called as ``await method(message)`` for each request of that name, in a task of
    its own. It answers with `send_job_response`, then or later; what it raises is answered with
    the status `JobStatus.ERROR`.

    Args:
        name: Name of the job.
        sequential: Whether requests of this name are handled one after another, in order. The
            time they wait counts for the requester's timeout.
    """

    def mark(method: _Method) -> _Method:
        marked: Any = method
        marked.is_job_handler = True
        marked.job_name = name
        marked.job_sequential = sequential
        return method

    return mark
