"""How a service switcher decides which service is active."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pipecat_rs.frames.frames import (
    ErrorFrame,
    Frame,
    ManuallySwitchServiceFrame,
    ServiceSwitcherRequestMetadataFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.base_object import BaseObject

_logger = logging.getLogger(__name__)


class ServiceSwitcherStrategy(BaseObject):
    """Decides which service of a switcher is active. The first one is, to begin with.

    Given to a switcher as a class or as an instance; the switcher tells it the services. A strategy
    reacts to frames and errors (`handle_frame`, `handle_error`), or it overrides `select`::

        class RoundRobin(ServiceSwitcherStrategy):
            def __init__(self):
                self._turn = -1

            def select(self, services):
                self._turn += 1
                return self._turn % len(services)

    Event: `on_service_switched` (strategy, service).
    """

    _declared_events: ClassVar[Mapping[str, bool]] = {"on_service_switched": False}

    _services: list[FrameProcessor]
    _active_service: FrameProcessor | None = None
    _switcher: Any = None
    _first: int = 0

    def __init__(self, services: Sequence[FrameProcessor] | None = None) -> None:
        """Make a strategy.

        Args:
            services: The services, if they are known already.

        Raises:
            ValueError: If the list is empty.
        """
        super().__init__()
        if services is not None:
            self._adopt(services)

    def _adopt(self, services: Sequence[FrameProcessor]) -> None:
        if not hasattr(self, "_id"):
            BaseObject.__init__(self)  # a subclass that never calls super().__init__()
        if not services:
            raise ValueError("a service switcher needs at least one service")
        if not 0 <= self._first < len(services):
            raise IndexError(
                f"default_index {self._first} is out of range: there are {len(services)} services, "
                f"0 to {len(services) - 1}"
            )
        self._services = list(services)
        self._active_service = self._services[self._first]

    @property
    def services(self) -> list[FrameProcessor]:
        """The services."""
        return self._services

    @property
    def active_service(self) -> FrameProcessor:
        """The active service."""
        assert self._active_service is not None, "a switcher tells a strategy its services"
        return self._active_service

    @property
    def usable_services(self) -> list[FrameProcessor]:
        """The services that can do their job."""
        return [service for service in self._services if service.is_usable]

    def select(self, services: list[FrameProcessor]) -> int:
        """Return the place of the service for the next unit of work, from 0.

        Asked once for each text to speak, conversation to answer, answer to speak, and turn of the
        user. What it raises, and an answer that is no place in the list, becomes an ErrorFrame, and
        the active service stays. May be async.

        Args:
            services: The services.
        """
        return services.index(self.active_service)

    @property
    def _selects(self) -> bool:
        """Whether the strategy wants to be asked."""
        return getattr(self.select, "__func__", None) is not ServiceSwitcherStrategy.select

    async def _select_service(self) -> None:
        """Ask the strategy, and switch if the answer is another service.

        Raises:
            TypeError: If the answer is no integer.
            IndexError: If there is no such service.
        """
        index: Any = self.select(list(self._services))
        if inspect.isawaitable(index):
            index = await index
        if isinstance(index, bool) or not isinstance(index, int):
            raise TypeError(f"select() answered {index!r}, which is no integer")
        if not 0 <= index < len(self._services):
            raise IndexError(
                f"select() answered {index}, which is out of range: there are "
                f"{len(self._services)} services, 0 to {len(self._services) - 1}"
            )
        if self._services[index] is not self.active_service:
            await self._set_active_if_available(self._services[index])

    async def handle_frame(self, frame: Frame, direction: FrameDirection) -> FrameProcessor | None:
        """Switch on a frame. Returns the service that is active now, or None if nothing changed."""
        return None

    async def handle_error(self, error: ErrorFrame) -> FrameProcessor | None:
        """Switch on an error of the active service. Returns the new one, or None."""
        return None

    async def _set_active_if_available(self, service: FrameProcessor) -> FrameProcessor | None:
        """Make a service active, unless it is a stranger or can no longer do its job."""
        if service not in self._services:
            return None
        if not service.is_usable:
            _logger.warning("not switching to %s: it can no longer do its job", service)
            return None
        self._active_service = service
        if self._switcher is not None:
            self._switcher._activated(service)
        await self._announce(service)
        return service

    async def _announce(self, service: FrameProcessor) -> None:
        """Let a service that has become active say who it is, and tell the handlers."""
        await service.queue_frame(ServiceSwitcherRequestMetadataFrame(service=service))
        await self._call_event_handler("on_service_switched", service)


class ServiceSwitcherStrategyManual(ServiceSwitcherStrategy):
    """Switches when a ManuallySwitchServiceFrame says so."""

    def __init__(
        self, services: Sequence[FrameProcessor] | int | None = None, *, default_index: int = 0
    ) -> None:
        """Make a strategy.

        Args:
            services: The services, if they are known already; or the default index.
            default_index: Which service is active to begin with.
        """
        if isinstance(services, int):
            services, default_index = None, services
        self._first = default_index
        super().__init__(services)

    async def handle_frame(self, frame: Frame, direction: FrameDirection) -> FrameProcessor | None:
        """Switch to the service that the frame names."""
        if not isinstance(frame, ManuallySwitchServiceFrame):
            return None
        if frame.service is not None:
            return await self._set_active_if_available(frame.service)
        index = frame.service_index
        if not isinstance(index, int) or not 0 <= index < len(self._services):
            raise IndexError(
                f"service_index {index!r} is out of range: there are {len(self._services)} "
                f"services, 0 to {len(self._services) - 1}; {self.active_service} stays active"
            )
        return await self._set_active_if_available(self._services[index])


class ServiceSwitcherStrategyFailover(ServiceSwitcherStrategyManual):
    """Switches to the next usable service when the active one can no longer do its job."""

    async def handle_error(self, error: ErrorFrame) -> FrameProcessor | None:
        """Switch if the failed service has become unusable."""
        failed = error.processor or self.active_service
        if failed.is_usable:
            return None
        at = self._services.index(self.active_service)
        for candidate in (*self._services[at + 1 :], *self._services[:at]):
            if candidate.is_usable:
                return await self._set_active_if_available(candidate)
        _logger.error("no other service is available to switch to")
        return None
