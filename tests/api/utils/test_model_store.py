"""One model for the process: loaded once, shared, tried again after a failure."""

import asyncio
import threading

import pytest
from pipecat_rs.utils.model_store import LoadProgress, is_loaded, load_model, load_model_off_loop


def key() -> tuple[str, object]:
    """A key that no other test has."""
    return ("test", object())


async def test_sessions_share_one_model():
    loads = 0
    release = threading.Event()

    def loader(report):
        nonlocal loads
        loads += 1
        release.wait()
        return object()

    k = key()
    waiting = [
        asyncio.create_task(load_model_off_loop(k, loader, name="m", on_progress=None))
        for _ in range(3)
    ]
    await asyncio.sleep(0)
    release.set()
    models = await asyncio.gather(*waiting)
    assert loads == 1
    assert len(set(map(id, models))) == 1
    assert load_model(k, loader, name="m") is models[0]
    assert is_loaded(k)


async def test_loading_leaves_the_loop_free():
    thread = None

    def loader(report):
        nonlocal thread
        thread = threading.current_thread()

    await load_model_off_loop(key(), loader, name="m")
    assert thread is not threading.current_thread()


async def test_progress_is_told_on_the_loop():
    told: list[tuple[LoadProgress, threading.Thread]] = []

    def loader(report):
        report(0.5, "reading")

    await load_model_off_loop(
        key(),
        loader,
        name="m",
        on_progress=lambda progress: told.append((progress, threading.current_thread())),
    )
    assert [(p.model, p.fraction, p.step) for p, _ in told] == [
        ("m", 0.0, "loading"),
        ("m", 0.5, "reading"),
        ("m", 1.0, "loaded"),
    ]
    assert {thread for _, thread in told} == {threading.current_thread()}


async def test_a_failed_load_is_raised_and_tried_again():
    outcomes = [OSError("no such file"), "model"]

    def loader(report):
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    k = key()
    with pytest.raises(OSError, match="no such file"):
        await load_model_off_loop(k, loader, name="m")
    assert not is_loaded(k)
    assert await load_model_off_loop(k, loader, name="m") == "model"


async def test_a_waiter_that_is_cancelled_does_not_cancel_the_others():
    release = threading.Event()

    def loader(report):
        release.wait()
        return "model"

    k = key()
    first = asyncio.create_task(load_model_off_loop(k, loader, name="m"))
    second = asyncio.create_task(load_model_off_loop(k, loader, name="m"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    release.set()
    assert await second == "model"
    assert await load_model_off_loop(k, loader, name="m") == "model"
