"""Services of which one is active at a time.

The gates around the services are native: a frame costs an inline hop. Only frames that concern the
switching itself are looked at in Python.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from pipecat_rs import _core
from pipecat_rs.frames.frames import (
    ErrorFrame,
    Frame,
    ServiceSwitcherFrame,
    ServiceSwitcherRequestMetadataFrame,
    ServiceUpdateSettingsFrame,
)
from pipecat_rs.pipeline.base_pipeline import checked_processors
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.switching_strategy import (
    ServiceSwitcherStrategy,
    ServiceSwitcherStrategyFailover,
    ServiceSwitcherStrategyManual,
)
from pipecat_rs.pipeline.unit_of_work import UnitsOfWork
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.utils.errors import ErrorCategory

__all__ = [
    "ServiceSwitcher",
    "ServiceSwitcherStrategy",
    "ServiceSwitcherStrategyFailover",
    "ServiceSwitcherStrategyManual",
    "StrategyType",
]

StrategyType = TypeVar("StrategyType", bound=ServiceSwitcherStrategy)


class _SwitcherExit(FrameProcessor):
    """The downstream end of a switcher: what has served its purpose inside does not leave."""

    handles = (
        ServiceSwitcherFrame,
        ServiceSwitcherRequestMetadataFrame,
        ServiceUpdateSettingsFrame,
    )

    def __init__(self, switcher: ServiceSwitcher[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._switcher = switcher

    def _layout(self) -> tuple[Any, ...]:
        return ("processor", self, (*(type(self).handles or ()), *self._switcher._units_marks))

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self._switcher._steer(self, frame, direction)
        elif not self._switcher._is_consumed(frame):
            await self.push_frame(frame, direction)


def _strategy_of(strategy: Callable[..., Any], services: list[FrameProcessor]) -> Any:
    """Make a strategy of a class: with the services, as pipecat does, or without arguments."""
    try:
        inspect.signature(strategy).bind(services)
    except TypeError:
        return strategy()
    return strategy(services)


class ServiceSwitcher(ParallelPipeline, Generic[StrategyType]):
    """Routes frames to the active one of several services.

    Example::

        switcher = ServiceSwitcher([first, second], strategy=ServiceSwitcherStrategyManual())
        await task.queue_frame(ManuallySwitchServiceFrame(service_index=1))
    """

    handles = (ServiceSwitcherFrame, ServiceUpdateSettingsFrame, ErrorFrame)

    def __init__(
        self,
        services: Sequence[FrameProcessor],
        strategy: StrategyType | type[StrategyType] | None = None,
        name: str | None = None,
        *,
        strategy_type: type[StrategyType] | None = None,
    ) -> None:
        """Make a switcher.

        Args:
            services: The services; the first is active unless the strategy says otherwise.
            strategy: A strategy, or its class; manual by default.
            name: Name, or None for the class name, ``#`` and a number.
            strategy_type: The class of the strategy, as pipecat 1.x has it.

        Raises:
            TypeError: If a service is no processor.
            ValueError: Without any service.
        """
        FrameProcessor.__init__(self, name=name)
        self._services = checked_processors(self, services)
        if not self._services:
            raise ValueError(f"{self}: at least one service is needed")
        super().__init__([[service] for service in self._services], name=self._name)
        self._strategy: Any = self._make_strategy(strategy or strategy_type)
        self._choice = _core.SwitchChoice(self._services.index(self._strategy.active_service))
        self._units = UnitsOfWork(self._services) if self._strategy._selects else None
        self._exit = _SwitcherExit(self, name=f"{self}::Exit")
        self._inactive_updates: deque[int] = deque(maxlen=64)
        self._announced_usable = self.is_usable
        for service in self._services:
            service.add_event_handler("on_usable_changed", self._on_service_usable_changed)

    def _make_strategy(self, strategy: Any) -> Any:
        if strategy is None:
            strategy = ServiceSwitcherStrategyManual
        made: Any
        if isinstance(strategy, type) and issubclass(strategy, ServiceSwitcherStrategy):
            made = _strategy_of(strategy, self._services)
        elif isinstance(strategy, ServiceSwitcherStrategy):
            made = strategy
        else:
            raise TypeError(
                f"{self}: {strategy!r} is no strategy. Give a ServiceSwitcherStrategy or its "
                "class, such as ServiceSwitcherStrategyManual()."
            )
        other = made._switcher
        if other is not None and other._is_set_up:
            raise ValueError(
                f"{self}: {made} belongs to {other}, which is running. Make a strategy for each."
            )
        if made._active_service is None or made._services != self._services:
            made._adopt(self._services)
        made._switcher = self
        return made

    def _members(self) -> list[FrameProcessor]:
        return [*self._branches, self._exit] if hasattr(self, "_exit") else list(self._branches)

    def get_processors(self) -> list[FrameProcessor]:
        """Return the services."""
        return list(self._services)

    def _layout(self) -> tuple[Any, ...]:
        branches = [branch._layout() for branch in self._branches]
        handled = (*(type(self).handles or ()), *self._units_marks)
        return (
            "sequence",
            [
                ("processor", self, handled),
                ("switch", self, branches, self._choice),
                self._exit._layout(),
            ],
        )

    @property
    def _units_marks(self) -> tuple[type[Frame], ...]:
        return self._units.marks if self._units else ()

    # ---- who is active

    @property
    def strategy(self) -> StrategyType:
        """The strategy."""
        return self._strategy

    @property
    def services(self) -> list[FrameProcessor]:
        """The services."""
        return self._services

    def get_current_service(self) -> FrameProcessor:
        """Return the active service."""
        return self._strategy.active_service

    def set_service(self, index: int) -> None:
        """Make a service active, from the next frame on. On the loop's thread while it runs.

        Args:
            index: Its place in the list of services, from 0.

        Raises:
            TypeError: If it is no integer.
            IndexError: If there is no such service.
        """
        if isinstance(index, bool) or not isinstance(index, int):
            raise TypeError(f"{self}: a service index is an integer, not {index!r}")
        if not 0 <= index < len(self._services):
            raise IndexError(
                f"{self}: service index {index} is out of range: there are "
                f"{len(self._services)} services, 0 to {len(self._services) - 1}"
            )
        service = self._services[index]
        if service is self._strategy.active_service:
            return
        self._strategy._active_service = service
        self._activated(service)
        if self._is_set_up:
            self.create_task(self._strategy._announce(service), "service switched")

    def _activated(self, service: FrameProcessor) -> None:
        self._choice.set(self._services.index(service))

    # ---- usability

    @property
    def is_usable(self) -> bool:
        """Whether any of the services can do its job."""
        return any(service.is_usable for service in self._services)

    async def set_usable(self, is_usable: bool) -> None:
        """Do nothing: a switcher is as usable as its services."""

    async def _on_service_usable_changed(self, service: FrameProcessor, is_usable: bool) -> None:
        if self.is_usable != self._announced_usable:
            self._announced_usable = self.is_usable
            await self._call_event_handler("on_usable_changed", self._announced_usable)

    # ---- frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Switch, hand settings on to services that are not active, answer for errors."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            await self._steer(self, frame, direction)
        elif isinstance(frame, ErrorFrame):
            await self._answer_for(frame)
        elif not self._is_consumed(frame):
            await self.push_frame(frame, direction)  # it came in at the other end

    async def _steer(self, end: FrameProcessor, frame: Frame, direction: FrameDirection) -> None:
        """Handle a frame that came in at either end of the switcher."""
        if isinstance(frame, ServiceSwitcherFrame):
            try:
                switched = await self._strategy.handle_frame(frame, direction)
            except Exception as error:
                await self.push_error(f"Error switching services: {error}", exception=error)
                return
            if switched is not None:
                return
        elif self._units is not None and self._units.begins(frame):
            await self._select(frame)
        await end.push_frame(frame, direction)
        if isinstance(frame, ServiceUpdateSettingsFrame):
            await self._update_inactive(frame, direction)

    async def _select(self, frame: Frame) -> None:
        """Ask the strategy who is to do what begins with a frame."""
        try:
            await self._strategy._select_service()
        except Exception as error:
            await self.push_error(
                f"{self}: {self._strategy} could not select a service for {frame}: {error}; "
                f"{self._strategy.active_service} stays active",
                exception=error,
            )

    async def _update_inactive(
        self, frame: ServiceUpdateSettingsFrame, direction: FrameDirection
    ) -> None:
        for service in self._services:
            if service is self._strategy.active_service:
                continue
            addressed = frame.service is service
            if addressed or (frame.service is None and frame.reach_inactive_services):
                update = replace(frame)
                self._inactive_updates.append(update.id)
                await service.queue_frame(update, direction)

    def _is_consumed(self, frame: Frame) -> bool:
        if isinstance(frame, ServiceSwitcherRequestMetadataFrame):
            return frame.service in self._services
        return frame.id in self._inactive_updates

    async def _answer_for(self, error: ErrorFrame) -> None:
        """Decide what becomes of an error from inside."""
        failed = error.processor
        ours = failed in self._services
        if error.fatal or not ours or failed is None:
            await self.push_frame(error, FrameDirection.UPSTREAM)
            return
        if failed is not self._strategy.active_service:
            return  # a service in reserve cannot keep the switcher from its job
        if await self._strategy.handle_error(error):
            return
        if failed.is_usable:
            await self.push_frame(error, FrameDirection.UPSTREAM)
            return
        await self.push_error(
            f"{failed.name} can no longer do its job: {error.error}",
            exception=error.exception,
            category=ErrorCategory.UNKNOWN,
        )
