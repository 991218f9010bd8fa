"""The bus: who hears what, in which order, and what it leaves behind."""

import asyncio
import logging
from contextvars import ContextVar

import pipecat_rs.bus
import pytest
from pipecat_rs.bus import (
    AsyncQueueBus,
    BusCancelMessage,
    BusDataMessage,
    BusEndMessage,
    BusLocalMessage,
    BusMessage,
    BusSubscriber,
    BusSystemMessage,
    WorkerBus,
)
from pipecat_rs.bus.messages import BusWorkerLocalErrorMessage
from support.waiting import settle, until, within


class Hears(BusSubscriber):
    def __init__(self, name: str = "hears") -> None:
        self._name = name
        self.heard: list[BusMessage] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    @property
    def name(self) -> str:
        return self._name

    async def on_bus_message(self, message: BusMessage) -> None:
        self.heard.append(message)
        await self.go_on.wait()


def data(reason: str = "") -> BusEndMessage:
    return BusEndMessage(source="test", reason=reason)


def system(reason: str = "") -> BusCancelMessage:
    return BusCancelMessage(source="test", reason=reason)


async def test_everybody_hears_a_message_once():
    bus, one, two = AsyncQueueBus(), Hears("one"), Hears("two")
    await bus.subscribe(one)
    await bus.subscribe(one)
    await bus.subscribe(two)
    await bus.start()
    message = data()
    await bus.send(message)
    await until(lambda: bool(one.heard and two.heard))
    await settle()
    assert one.heard == two.heard == [message]
    await bus.stop()


async def test_data_messages_come_in_order_and_system_messages_first():
    bus, hears = AsyncQueueBus(), Hears()
    await bus.subscribe(hears)
    first, second, urgent = data("1"), data("2"), system()
    for message in (first, second, urgent):
        await bus.send(message)
    await bus.start()
    await until(lambda: len(hears.heard) == 3)
    assert hears.heard == [urgent, first, second]
    await bus.stop()


async def test_a_system_message_overtakes_also_between_two_data_messages():
    bus, hears = AsyncQueueBus(), Hears()
    await bus.subscribe(hears)
    await bus.start()
    first, second, urgent = data("1"), data("2"), system()
    await bus.send(first)
    await bus.send(second)
    await bus.send(urgent)
    await until(lambda: len(hears.heard) == 3)
    assert hears.heard.index(urgent) < hears.heard.index(second)
    await bus.stop()


async def test_a_subscriber_that_hangs_in_a_data_message_hears_system_messages():
    bus, hears = AsyncQueueBus(), Hears()
    await bus.subscribe(hears)
    await bus.start()
    hears.go_on.clear()
    await bus.send(data("hangs"))
    await until(lambda: len(hears.heard) == 1)
    await bus.send(data("waits"))
    urgent = system()
    await bus.send(urgent)
    await until(lambda: urgent in hears.heard)
    assert len(hears.heard) == 2
    await bus.stop()


async def test_an_idle_bus_has_no_tasks():
    before = asyncio.all_tasks()
    bus, hears = AsyncQueueBus(), Hears()
    await bus.subscribe(hears)
    await bus.start()
    await bus.send(data())
    await bus.send(system())
    await until(lambda: len(hears.heard) == 2)
    await settle()
    assert asyncio.all_tasks() == before
    await bus.stop()


async def test_stop_drops_what_waits_and_cancels_what_is_heard():
    bus, hears = AsyncQueueBus(), Hears()
    await bus.subscribe(hears)
    await bus.start()
    hears.go_on.clear()
    await bus.send(data("1"))
    await bus.send(data("2"))
    await until(lambda: len(hears.heard) == 1)
    await within(bus.stop())
    hears.go_on.set()
    await bus.start()
    last = data("3")
    await bus.send(last)
    await until(lambda: last in hears.heard)
    assert [m.reason for m in hears.heard] == ["1", "3"]  # type: ignore[attr-defined]
    await bus.stop()


async def test_who_has_left_hears_nothing_more():
    bus, stays, leaves = AsyncQueueBus(), Hears("stays"), Hears("leaves")
    await bus.subscribe(stays)
    await bus.subscribe(leaves)
    await bus.start()
    await bus.unsubscribe(leaves)
    await bus.unsubscribe(leaves)
    await bus.send(data())
    await until(lambda: bool(stays.heard))
    await settle()
    assert leaves.heard == []
    await bus.stop()


async def test_a_handler_that_fails_hears_the_next_message(caplog: pytest.LogCaptureFixture):
    class Fails(Hears):
        async def on_bus_message(self, message: BusMessage) -> None:
            await super().on_bus_message(message)
            if len(self.heard) < 3:
                raise ValueError("no")

    bus, fails = AsyncQueueBus(), Fails()
    await bus.subscribe(fails)
    await bus.start()
    with caplog.at_level(logging.ERROR):
        for message in (data(), system(), data()):
            await bus.send(message)
        await until(lambda: len(fails.heard) == 3)
    assert len(caplog.records) == 2
    await bus.stop()


async def test_a_handler_that_is_cancelled_by_what_it_awaits_hears_the_next_message():
    class IsCancelled(Hears):
        async def on_bus_message(self, message: BusMessage) -> None:
            await super().on_bus_message(message)
            if len(self.heard) == 1:
                raise asyncio.CancelledError

    bus, hears = AsyncQueueBus(), IsCancelled()
    await bus.subscribe(hears)
    await bus.start()
    await bus.send(data())
    await bus.send(data())
    await until(lambda: len(hears.heard) == 2)
    await bus.stop()


async def test_what_a_subscriber_does_not_accept_goes_by():
    class WantsSystem(Hears):
        def accepts_bus_message(self, message: BusMessage) -> bool:
            return isinstance(message, BusSystemMessage)

    bus, wants, hears = AsyncQueueBus(), WantsSystem("wants"), Hears()
    await bus.subscribe(wants)
    await bus.subscribe(hears)
    await bus.start()
    await bus.send(data())
    urgent = system()
    await bus.send(urgent)
    await until(lambda: len(hears.heard) == 2 and bool(wants.heard))
    await settle()
    assert wants.heard == [urgent]
    await bus.stop()


async def test_a_second_subscriber_of_the_same_name_is_warned_of(caplog: pytest.LogCaptureFixture):
    bus, one, other = AsyncQueueBus(), Hears("same"), Hears("same")
    await bus.subscribe(one)
    await bus.subscribe(other)
    assert "'same'" in caplog.text
    await bus.unsubscribe(other)
    await bus.start()
    await bus.send(data())
    await until(lambda: bool(one.heard))
    await bus.stop()


async def test_local_messages_are_not_published():
    class Network(WorkerBus):
        def __init__(self) -> None:
            super().__init__()
            self.published: list[BusMessage] = []

        async def publish(self, message: BusMessage) -> None:
            self.published.append(message)
            self.on_message_received(message)

    bus, hears = Network(), Hears()
    await bus.subscribe(hears)
    await bus.start()
    local, other = BusWorkerLocalErrorMessage(source="child", error="no"), data()
    await bus.send(local)
    await bus.send(other)
    await until(lambda: len(hears.heard) == 2)
    assert bus.published == [other]
    assert isinstance(local, BusLocalMessage)
    await bus.stop()


def test_a_subscriber_without_a_name_says_so():
    with pytest.raises(NotImplementedError, match="name"):
        _ = BusSubscriber().name


def test_messages_have_an_identity():
    one, two = data(), data()
    assert one.id < two.id
    assert one.name.startswith("BusEndMessage#") and one.name != two.name
    assert one.name in str(one) and "test" in str(one)


def test_every_name_of_the_package_is_there():
    for name in pipecat_rs.bus.__all__:
        assert getattr(pipecat_rs.bus, name).__name__ == name
    with pytest.raises(AttributeError, match="BusMassage"):
        _ = pipecat_rs.bus.BusMassage
    kinds = [getattr(pipecat_rs.bus, name) for name in pipecat_rs.bus.__all__]
    messages = [k for k in kinds if issubclass(k, BusMessage) and k is not BusMessage]
    assert all(issubclass(k, (BusDataMessage, BusSystemMessage)) for k in messages)


async def test_context_variables_of_the_sender_do_not_travel():
    at_work: ContextVar[str] = ContextVar("at_work", default="nobody")

    class Notes(Hears):
        async def on_bus_message(self, message: BusMessage) -> None:
            self.heard.append(message)
            seen.append(at_work.get())

    seen: list[str] = []
    bus, notes = AsyncQueueBus(), Notes()
    await bus.subscribe(notes)
    await bus.start()
    at_work.set("sender")
    await bus.send(data())
    await bus.send(system())
    await until(lambda: len(seen) == 2)
    assert seen == ["nobody", "nobody"]
    await bus.stop()
