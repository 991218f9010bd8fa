"""Objects with a name, events and tasks."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar
from unittest.mock import AsyncMock

import pytest
from pipecat_rs.exceptions import PipelineError
from pipecat_rs.utils.asyncio.task_manager import TaskManager
from pipecat_rs.utils.base_object import BaseObject


class Thing(BaseObject):
    _declared_events: ClassVar[Mapping[str, bool]] = {"on_later": False, "on_now": True}

    async def fire(self, event: str, *args: Any, **kwargs: Any) -> None:
        await self._call_event_handler(event, *args, **kwargs)


def test_names_and_ids():
    first, second = Thing(), Thing()
    assert second.id > first.id
    number = int(first.name.removeprefix("Thing#"))
    assert second.name == f"Thing#{number + 1}"
    named = Thing(name="given", unknown="ignored")
    assert (named.name, str(named)) == ("given", "given")


async def test_events_in_place_run_in_order_before_the_call_returns():
    thing, order = Thing(), []

    @thing.event_handler("on_now")
    async def first(source: Thing, value: int) -> None:
        await asyncio.sleep(0)
        order.append((source, "first", value))

    @thing.event_handler("on_now")
    def second(source: Thing, value: int) -> None:
        order.append((source, "second", value))

    await thing.fire("on_now", 7)
    assert order == [(thing, "first", 7), (thing, "second", 7)]


async def test_other_events_run_each_handler_in_a_task_that_cleanup_waits_for():
    thing, done, gate = Thing(), [], asyncio.Event()

    @thing.event_handler("on_later")
    async def waits(source: Thing) -> None:
        await gate.wait()
        done.append(asyncio.current_task())

    @thing.event_handler("on_later")
    async def passes(source: Thing) -> None:
        done.append(asyncio.current_task())
        gate.set()

    await thing.fire("on_later")
    assert done == []
    await thing.cleanup()
    assert len(set(done)) == 2
    assert asyncio.current_task() not in done


async def test_cleanup_called_from_a_handler_does_not_wait_for_itself():
    thing, cleaned = Thing(), asyncio.Event()

    @thing.event_handler("on_later")
    async def cleans(source: Thing) -> None:
        await source.cleanup()
        cleaned.set()

    await thing.fire("on_later")
    await cleaned.wait()


async def test_a_failing_handler_stops_nothing(caplog: pytest.LogCaptureFixture):
    thing, reached = Thing(), []

    @thing.event_handler("on_now")
    def fails(source: Thing) -> None:
        raise ValueError("no good")

    @thing.event_handler("on_now")
    def works(source: Thing) -> None:
        reached.append(source)

    await thing.fire("on_now")
    assert reached == [thing]
    assert "no good" in caplog.text
    assert "on_now" in caplog.text


async def test_handlers_get_as_many_arguments_as_they_take():
    thing, seen = Thing(), []

    def none() -> None:
        seen.append(())

    def one(source: Thing) -> None:
        seen.append((source,))

    def two(source: Thing, a: int, extra: str = "default") -> None:
        seen.append((source, a, extra))

    def all_of_them(*args: Any) -> None:
        seen.append(args)

    mock = AsyncMock()
    for handler in (none, one, two, all_of_them, partial(two, extra="bound"), mock):
        thing.add_event_handler("on_now", handler)
    await thing.fire("on_now", 1, "b")
    assert seen == [
        (),
        (thing,),
        (thing, 1, "b"),
        (thing, 1, "b"),
        (thing, 1, "bound"),
    ]
    mock.assert_awaited_once_with(thing, 1, "b")


async def test_methods_and_callable_objects_are_handlers():
    class Listener:
        def __init__(self) -> None:
            self.heard: list[Any] = []

        async def method(self, source: Thing) -> None:
            self.heard.append("method")

        async def __call__(self, source: Thing) -> None:
            self.heard.append("object")

    thing, listener = Thing(), Listener()
    thing.add_event_handler("on_now", listener.method)
    thing.add_event_handler("on_now", listener)
    await thing.fire("on_now")
    assert listener.heard == ["method", "object"]


async def test_an_unknown_event_is_only_warned_of(caplog: pytest.LogCaptureFixture):
    thing = Thing()
    thing.add_event_handler("on_nothing", lambda source: None)
    assert "on_nothing" in caplog.text
    await thing.fire("on_nothing")


async def test_events_registered_by_one_object(caplog: pytest.LogCaptureFixture):
    thing, other = Thing(), Thing()
    thing._register_event_handler("on_special", sync=True)
    seen: list[int] = []
    thing.add_event_handler("on_special", lambda source, value: seen.append(value))
    await thing.fire("on_special", 3)
    assert seen == [3]
    assert not caplog.records
    thing._register_event_handler("on_special")
    assert "already registered" in caplog.text
    caplog.clear()
    other.add_event_handler("on_special", lambda source: None)
    assert "on_special" in caplog.text


async def test_removed_handlers_hear_nothing_more():
    thing, seen = Thing(), []

    def handler(source: Thing) -> None:
        seen.append(source)

    thing.add_event_handler("on_now", handler)
    assert thing._has_event_handlers("on_now")
    thing.remove_event_handler("on_now", handler)
    thing.remove_event_handler("on_now", handler)
    thing.remove_event_handler("on_nothing", handler)
    await thing.fire("on_now")
    assert seen == []
    assert not thing._has_event_handlers("on_now")


async def test_a_handler_may_remove_itself():
    thing, seen = Thing(), []

    def once(source: Thing) -> None:
        seen.append("once")
        source.remove_event_handler("on_now", once)

    thing.add_event_handler("on_now", once)
    thing.add_event_handler("on_now", lambda source: seen.append("always"))
    await thing.fire("on_now")
    await thing.fire("on_now")
    assert seen == ["once", "always", "always"]


async def test_tasks_bear_the_objects_name():
    thing = Thing(name="thing")
    with pytest.raises(PipelineError, match="thing"):
        _ = thing.task_manager
    await thing.setup(TaskManager())

    async def work() -> int:
        return 3

    assert await thing.create_task(work(), "worker") == 3
    task = thing.create_task(work())
    assert task.get_name() == "thing::work"
    await thing.cancel_task(task)


async def test_an_object_without_listeners_keeps_nothing():
    assert set(vars(Thing())) == {"_id", "_name"}


async def test_logging_names_the_object(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    thing = Thing(name="slow thing")

    @thing.event_handler("on_later")
    async def waits(source: Thing) -> None:
        await asyncio.sleep(0)

    await thing.fire("on_later")
    await thing.cleanup()
    assert "slow thing" in caplog.text
