"""Models that a process loads once and all of its sessions share.

A model is loaded by whoever asks for it first; others who ask meanwhile wait for the same one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

_Model = TypeVar("_Model")


@dataclass(frozen=True)
class LoadProgress:
    """How far the loading of a model has come.

    Attributes:
        model: Name of the model.
        fraction: What is done, from 0 to 1.
        step: What is being done now.
    """

    model: str
    fraction: float
    step: str


LoadProgressCallback = Callable[[LoadProgress], Any]
"""Takes each step of loading; what it returns is ignored."""

Report = Callable[[float, str], None]
"""How a loader reports: the fraction done, and the step that begins."""

Loader = Callable[[Report], _Model]

_models: dict[Hashable, Future[Any]] = {}
_lock = threading.Lock()


def load_model(
    key: Hashable,
    loader: Loader[_Model],
    *,
    name: str,
    on_progress: LoadProgressCallback | None = None,
) -> _Model:
    """Return a model, loading it in this thread if nobody has.

    Args:
        key: What tells this model, with its options, from others.
        loader: Loads it. What it raises is raised here, and the next one who asks tries again.
        name: Name of the model, for reports.
        on_progress: Called in this thread as loading goes on.
    """
    future, is_ours = _claim(key)
    if is_ours:
        _load_into(future, key, loader, name, on_progress)
    return future.result()


async def load_model_off_loop(
    key: Hashable,
    loader: Loader[_Model],
    *,
    name: str,
    on_progress: LoadProgressCallback | None = None,
) -> _Model:
    """Return a model, loading it in a worker thread if nobody has.

    Args:
        key: What tells this model, with its options, from others.
        loader: Loads it. What it raises is raised here, and the next one who asks tries again.
        name: Name of the model, for reports.
        on_progress: Called on the event loop as loading goes on.
    """
    future, is_ours = _claim(key)
    if is_ours:
        loop = asyncio.get_running_loop()

        def report_on_loop(progress: LoadProgress) -> None:
            if on_progress is not None:
                loop.call_soon_threadsafe(on_progress, progress)

        loop.run_in_executor(None, _load_into, future, key, loader, name, report_on_loop)
    elif on_progress is not None and future.done():
        on_progress(LoadProgress(name, 1.0, "loaded"))
    return await asyncio.wrap_future(future)


def is_loaded(key: Hashable) -> bool:
    """Return whether a model is there to be used at once.

    Args:
        key: What tells this model from others.
    """
    future = _models.get(key)
    return future is not None and future.done() and future.exception() is None


def _claim(key: Hashable) -> tuple[Future[Any], bool]:
    """Return the future of a model, and whether the caller is the one to load it."""
    with _lock:
        future = _models.get(key)
        if future is not None:
            return future, False
        future = _models[key] = Future()
        # From now on no waiter that is cancelled can cancel it for the others.
        future.set_running_or_notify_cancel()
        return future, True


def _load_into(
    future: Future[Any],
    key: Hashable,
    loader: Loader[Any],
    name: str,
    on_progress: LoadProgressCallback | None,
) -> None:
    def report(fraction: float, step: str) -> None:
        if on_progress is not None:
            on_progress(LoadProgress(name, fraction, step))

    try:
        report(0.0, "loading")
        model = loader(report)
        report(1.0, "loaded")
    except BaseException as error:
        with _lock:
            del _models[key]
        future.set_exception(error)
    else:
        future.set_result(model)
