"""The bus: messages between workers and their runner.

Nothing runs while nothing is sent. A message wakes its subscribers' lanes; each lane is worked
off by an asyncio task that ends when the lane is empty.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections import deque
from contextvars import Context, copy_context
from typing import Any

from pipecat_rs.bus.messages import BusLocalMessage, BusMessage, BusSystemMessage
from pipecat_rs.bus.subscriber import BusSubscriber
from pipecat_rs.utils.base_object import BaseObject

__all__ = ["BusSubscription", "WorkerBus"]

_logger = logging.getLogger(__name__)

STOP_TIMEOUT_SECS = 1.0
"""How long a subscriber may take to answer the cancellation of what it does with a message."""


class BusSubscription:
    """What one subscriber has still to hear: a system lane and a data lane.

    A system message is handed over before the data messages that wait, and also while the
    subscriber is still at a data message.

    Attributes:
        subscriber: The subscriber.
    """

    def __init__(self, subscriber: BusSubscriber) -> None:
        """Make a subscription without messages, which is not open.

        Args:
            subscriber: The subscriber.
        """
        self.subscriber = subscriber
        self._system: deque[BusMessage] = deque()
        self._data: deque[BusMessage] = deque()
        self._system_task: asyncio.Task[None] | None = None
        self._data_task: asyncio.Task[None] | None = None
        self._at_system_message = False
        self._open = False
        self._context = Context()

    def put(self, message: BusMessage) -> None:
        """Add a message behind those of its lane."""
        is_system = isinstance(message, BusSystemMessage)
        (self._system if is_system else self._data).append(message)
        if self._open:
            self._wake()

    def open(self) -> None:
        """Hand over what waits, and what comes from now on, in the context of this call.

        The sender's context variables are its own affair, and do not come with a message.
        """
        self._open = True
        self._context = copy_context()
        self._wake()

    async def close(self) -> None:
        """Hand over nothing more: what waits is dropped, what is being heard is cancelled."""
        self._open = False
        self._system.clear()
        self._data.clear()
        current = asyncio.current_task()
        running = [
            task
            for task in (self._system_task, self._data_task)
            if task is not None and task is not current
        ]
        for task in running:
            task.cancel()
        self._system_task = self._data_task = None
        if running:
            _, left = await asyncio.wait(running, timeout=STOP_TIMEOUT_SECS)
            if left:
                _logger.error(
                    "%s: on_bus_message swallows its cancellation and is abandoned. "
                    "Let CancelledError through.",
                    self.subscriber,
                )

    def _wake(self) -> None:
        # The system lane's task is made first, so that it also begins first.
        if self._system and self._system_task is None:
            self._system_task = self._start(self._work_off_system(), "system")
        if self._data and self._data_task is None:
            self._data_task = self._start(self._work_off_data(), "data")

    def _start(self, work: Any, lane: str) -> asyncio.Task[None]:
        name = f"{self.subscriber.name}::bus_{lane}"
        return asyncio.create_task(work, name=name, context=self._context.copy())

    async def _work_off_system(self) -> None:
        try:
            while self._system:
                self._at_system_message = True
                await self._hand_over(self._system.popleft())
                self._at_system_message = False
        finally:
            self._at_system_message = False
            self._system_task = None
            self._go_on()

    async def _work_off_data(self) -> None:
        try:
            while self._data:
                if self._system and not self._at_system_message:
                    await asyncio.sleep(0)  # the other lane begins in this pass
                    continue
                await self._hand_over(self._data.popleft())
        finally:
            self._data_task = None
            self._go_on()

    def _go_on(self) -> None:
        """Go on behind a message whose handling was cancelled by itself."""
        if self._open and (self._system or self._data):
            self._wake()

    async def _hand_over(self, message: BusMessage) -> None:
        try:
            if self.subscriber.accepts_bus_message(message):
                await self.subscriber.on_bus_message(message)
        except Exception:
            # It goes on: a worker that hears nothing more could not even be cancelled.
            _logger.exception("%s: handling %s failed", self.subscriber.name, message)


class WorkerBus(BaseObject):
    """Base of buses: who hears what, in which order.

    Each subscriber hears every message, including its own, at its own pace. A bus between
    processes implements `publish` and calls `on_message_received` for what arrives.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Make a bus without subscribers, which is not started.

        Args:
            **kwargs: For the base class.
        """
        super().__init__(**kwargs)
        self._subscriptions: dict[str, BusSubscription] = {}
        self._runners: set[str] = set()
        self._running = False

    async def start(self) -> None:
        """Begin to hand messages over, with those that wait already."""
        if self._running:
            return
        self._running = True
        for subscription in list(self._subscriptions.values()):
            subscription.open()

    async def stop(self) -> None:
        """Hand nothing more over. What waits is dropped."""
        if not self._running:
            return
        self._running = False
        closing = [subscription.close() for subscription in self._subscriptions.values()]
        await asyncio.gather(*closing)

    async def subscribe(self, subscriber: BusSubscriber) -> None:
        """Let an object hear messages. Without effect if one of its name does so already.

        Args:
            subscriber: The object.
        """
        there = self._subscriptions.get(subscriber.name)
        if there is not None:
            if there.subscriber is not subscriber:
                _logger.warning(
                    "%s: two subscribers are named '%s'; the second hears nothing",
                    self,
                    subscriber.name,
                )
            return
        subscription = self._subscriptions[subscriber.name] = BusSubscription(subscriber)
        if self._running:
            subscription.open()

    async def unsubscribe(self, subscriber: BusSubscriber) -> None:
        """Let an object hear nothing more. Without effect if it is not there.

        Args:
            subscriber: The object.
        """
        there = self._subscriptions.get(subscriber.name)
        if there is not None and there.subscriber is subscriber:
            del self._subscriptions[subscriber.name]
            await there.close()

    async def send(self, message: BusMessage) -> None:
        """Send a message to all subscribers.

        Args:
            message: The message. A local one does not leave the process.
        """
        if isinstance(message, BusLocalMessage):
            self.on_message_received(message)
        else:
            await self.publish(message)

    @abstractmethod
    async def publish(self, message: BusMessage) -> None:
        """Bring a message to all processes of the bus, this one included.

        Args:
            message: The message; no local one.
        """

    def on_message_received(self, message: BusMessage) -> None:
        """Hand a message to the subscribers in this process.

        Args:
            message: The message.
        """
        for subscription in self._subscriptions.values():
            if not subscription.subscriber._passes_over(message):
                subscription.put(message)
