"""Service switchers: who is active, what reaches whom, what becomes of errors."""

from __future__ import annotations

from typing import Any

from kit import (
    UP,
    Act,
    Control,
    Data,
    Observed,
    Pass,
    System,
    Tap,
    error_of,
    play,
    raised,
    running,
    scenario,
    until,
)
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InterruptionFrame,
    ManuallySwitchServiceFrame,
    ServiceMetadataFrame,
    ServiceSwitcherRequestMetadataFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.pipeline.llm_switcher import LLMSwitcher
from pipecat.pipeline.service_switcher import (
    ServiceSwitcher,
    ServiceSwitcherStrategyFailover,
    ServiceSwitcherStrategyManual,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import TTSSettings
from pipecat.utils.errors import ErrorCategory


class Service(Tap):
    """Says who it is for each Data, fails as told, sends its metadata when asked."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.error: tuple[str, ErrorCategory | None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data) and self.error:
            text, category = self.error
            await self.push_error(text, category=category)
        if isinstance(frame, ServiceSwitcherRequestMetadataFrame) and frame.service is self:
            await self.push_frame(ServiceMetadataFrame(service_name=self.name))
        if isinstance(frame, Data) and direction is not UP:
            await self.push_frame(Control(f"{self.name} on {frame.tag}"))
        await super().process_frame(frame, direction)


def services() -> list[Service]:
    return [Service("one"), Service("two"), Service("three")]


def switched(switcher: ServiceSwitcher[Any]) -> list[str]:
    log: list[str] = []

    @switcher.strategy.event_handler("on_service_switched")
    async def _on_switched(strategy: Any, service: FrameProcessor) -> None:
        log.append(service.name)

    return log


def switch_to(service: FrameProcessor) -> ManuallySwitchServiceFrame:
    return ManuallySwitchServiceFrame(service=service)


@scenario()
async def only_the_active_one_works() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members)
    observed = await play(switcher, frames=[Data(1), System(2), Control(3)], up=[Data("a")])
    return observed | {
        "seen": {s.name: [s.down(), s.up()] for s in members},
        "active": switcher.strategy.active_service.name,
    }


@scenario()
async def a_switch_by_frame() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members)
    log = switched(switcher)
    async with running(switcher) as run:
        await run.queue(Data(1))
        await run.tail.wait("Data(1)")
        await run.queue(switch_to(members[1]), Data(2))
        await run.tail.wait("Data(2)")
        await run.queue(switch_to(members[0]), Data(3))
        await run.tail.wait("Control(one on 3)")
        await run.end()
    return {
        "down": run.tail.down(),
        "log": log,
        "seen": {s.name: [x for x in s.down() if "Data" in x] for s in members},
    }


@scenario()
async def a_switch_to_the_active_one() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members)
    log = switched(switcher)
    async with running(switcher) as run:
        await run.queue(switch_to(members[0]), Data(1))
        await run.tail.wait("Control(one on 1)")
        await run.end()
    return {"log": log, "down": run.tail.down()}


@scenario()
async def a_stranger_travels_on() -> Observed:
    members = services()
    stranger = Service("stranger")
    switcher = ServiceSwitcher(members)
    log = switched(switcher)
    observed = await play(switcher, frames=[Data(1), switch_to(stranger), Data(2)])
    return observed | {"log": log}


@scenario()
async def two_switchers_in_a_row() -> Observed:
    first, second = services(), [Service("four"), Service("five")]
    switchers = [ServiceSwitcher(first), ServiceSwitcher(second)]
    logs = [switched(s) for s in switchers]
    observed = await play(*switchers, frames=[switch_to(second[1]), Data(1)])
    return observed | {"logs": logs}


@scenario()
async def a_switch_from_below() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members)
    log = switched(switcher)
    async with running(switcher) as run:
        await run.queue(switch_to(members[2]), direction=UP)
        await until(lambda: log)
        await run.queue(Data(1))
        await run.tail.wait("Control(three on 1)")
        await run.end()
    return {"log": log, "up": run.head.up()}


@scenario()
async def metadata_of_the_new_one() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members)
    async with running(switcher) as run:
        await run.queue(switch_to(members[1]))
        await run.tail.wait("ServiceMetadataFrame")
        await members[0].push_frame(ServiceMetadataFrame(service_name="inactive"))
        await run.queue(Data(1))
        await run.end()
    return {
        "down": run.tail.down(),
        "names": [f.service_name for f, _ in run.tail.seen if isinstance(f, ServiceMetadataFrame)],
    }


@scenario()
async def failover_on_lost_usability() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members, ServiceSwitcherStrategyFailover)
    log = switched(switcher)
    members[0].error = ("key", ErrorCategory.AUTHENTICATION)
    async with running(switcher) as run:
        await run.queue(Data(1))
        await until(lambda: log)
        await run.queue(Data(2))
        await run.tail.wait("Control(two on 2)")
        await run.end()
    return {
        "log": log,
        "usable": [s.is_usable for s in members] + [switcher.is_usable],
        "errors": [error_of(f) for f, _ in run.head.seen if isinstance(f, ErrorFrame)],
    }


@scenario()
async def no_failover_on_a_passing_error() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members, ServiceSwitcherStrategyFailover)
    log = switched(switcher)
    members[0].error = ("busy", ErrorCategory.RATE_LIMIT)
    async with running(switcher) as run:
        await run.queue(Data(1))
        await until(lambda: run.head.up())
        await run.end()
    return {
        "log": log,
        "errors": [error_of(f) for f, _ in run.head.seen if isinstance(f, ErrorFrame)],
    }


@scenario()
async def failover_until_nobody_is_left() -> Observed:
    members = services()
    for member in members:
        member.error = (f"key of {member.name}", ErrorCategory.AUTHENTICATION)
    switcher = ServiceSwitcher(members, ServiceSwitcherStrategyFailover)
    log = switched(switcher)
    usable: list[bool] = []

    @switcher.event_handler("on_usable_changed")
    async def _on_usable(switcher: Any, value: bool) -> None:
        usable.append(value)

    async with running(switcher) as run:
        for n in range(3):
            await run.queue(Data(n))
            await until(lambda n=n: sum(not s.is_usable for s in members) == n + 1)
        await until(lambda: run.head.up())
        await run.end()
    errors = [error_of(f) for f, _ in run.head.seen if isinstance(f, ErrorFrame)]
    for error in errors:
        error["by switcher"] = error.pop("processor") == switcher.name
        error.pop("error")  # each package has its words
    return {"log": log, "usable": [switcher.is_usable, usable], "errors": errors}


@scenario()
async def failover_passes_over_the_unusable() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members, ServiceSwitcherStrategyFailover)
    log = switched(switcher)
    members[0].error = ("key", ErrorCategory.AUTHENTICATION)
    async with running(switcher) as run:
        await members[1].set_usable(False)
        await run.queue(Data(1))
        await until(lambda: log)
        await run.end()
    return {"log": log}


@scenario()
async def an_error_without_failover() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members, ServiceSwitcherStrategyManual)
    members[0].error = ("key", ErrorCategory.AUTHENTICATION)
    async with running(switcher) as run:
        await run.queue(Data(1))
        await until(lambda: run.head.up())
        await run.end()
    errors = [error_of(f) for f, _ in run.head.seen if isinstance(f, ErrorFrame)]
    return {
        "by switcher": [e["processor"] == switcher.name for e in errors],
        "category": [e["category"] for e in errors],
        "usable": switcher.is_usable,
    }


@scenario()
async def an_error_of_an_inactive_one_stops() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members)
    async with running(switcher) as run:
        await members[1].push_error("from the bench", category=ErrorCategory.SERVER)
        await run.queue(Data(1))
        await run.end()
    return {"up": run.head.up(), "down": run.tail.down()}


@scenario()
async def an_unusable_one_is_no_target() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members)
    log = switched(switcher)
    async with running(switcher) as run:
        await members[1].set_usable(False)
        await run.queue(switch_to(members[1]), Data(1))
        await run.tail.wait("Control(one on 1)")
        await run.end()
    return {"log": log, "active": switcher.strategy.active_service.name}


@scenario()
async def usability_is_that_of_the_members() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members)
    changes: list[bool] = []

    @switcher.event_handler("on_usable_changed")
    async def _on_usable(switcher: Any, value: bool) -> None:
        changes.append(value)

    async with running(switcher) as run:
        await switcher.set_usable(False)
        still = switcher.is_usable
        for member in members:
            await member.set_usable(False)
        await until(lambda: changes)
        gone = switcher.is_usable
        await members[2].set_usable(True)
        await until(lambda: len(changes) == 2)
        await run.end()
    return {"still": still, "gone": gone, "changes": changes, "now": switcher.is_usable}


@scenario()
async def settings_reach_members() -> Observed:
    members = services()
    switcher = ServiceSwitcher(members)

    def update(**options: Any) -> TTSUpdateSettingsFrame:
        return TTSUpdateSettingsFrame(delta=TTSSettings(voice="v"), **options)

    observed: Observed = {}
    for name, options in {
        "plain": {},
        "addressed": {"service": members[1]},
        "all": {"reach_inactive_services": True},
    }.items():
        members = services()
        if "service" in options:
            options = {"service": members[1]}
        switcher = ServiceSwitcher(members)
        async with running(switcher) as run:
            await run.queue(update(**options), Data(1))
            await run.end()
        observed[name] = [
            [s.name for s in members if s.has("TTSUpdateSettingsFrame")],
            run.tail.down().count("TTSUpdateSettingsFrame"),
        ]
    return observed


@scenario()
async def an_interruption_reaches_the_active_one() -> Observed:
    members = services()
    async with running(ServiceSwitcher(members)) as run:
        await run.queue(InterruptionFrame())
        await run.tail.wait("InterruptionFrame")
        await run.end()
    return {"seen": [s.name for s in members if s.has("InterruptionFrame")]}


@scenario()
async def wrong_arguments() -> Observed:
    return {
        "empty": raised(ServiceSwitcher, []) is not None,
        "no processors": raised(ServiceSwitcher, ["x"]) is not None,
    }


class Model(Service):
    """What an LLM switcher asks of its members."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.registered: list[str] = []

    def register_function(self, function_name: str, handler: Any, **options: Any) -> None:
        self.registered.append(function_name)

    async def run_inference(self, context: Any, **options: Any) -> str:
        return f"{self.name} {options}"


@scenario()
async def language_models() -> Observed:
    models = [Model("one"), Model("two")]
    switcher = LLMSwitcher(llms=models)

    async def handler(params: Any) -> None:
        pass

    switcher.register_function("look_up", handler)
    before = await switcher.run_inference("context", max_tokens=3)
    log = switched(switcher)
    async with running(switcher) as run:
        await run.queue(switch_to(models[1]))
        await until(lambda: log)
        after = await switcher.run_inference("context")
        await run.end()
    return {
        "registered": [m.registered for m in models],
        "answers": [before, after],
        "llms": [m.name for m in switcher.llms],
        "active": switcher.active_llm.name,
    }


@scenario()
async def a_switcher_in_a_branch() -> Observed:
    from pipecat.pipeline.parallel_pipeline import ParallelPipeline

    members = services()
    switcher = ServiceSwitcher(members)
    log = switched(switcher)
    async with running(ParallelPipeline([switcher], [Act(Data, _nothing, keep=True)])) as run:
        await run.queue(switch_to(members[1]))
        await until(lambda: log)
        await run.queue(Data(1))
        await run.tail.wait("Control(two on 1)")
        await run.end()
    return {"log": log, "data": [x for x in run.tail.down() if x.startswith(("Data", "Control"))]}


async def _nothing(processor: Any, frame: Any, direction: Any) -> None:
    pass


@scenario()
async def a_switcher_in_a_switcher() -> Observed:
    inner = services()
    switchers = [ServiceSwitcher(inner)]
    outer = ServiceSwitcher([switchers[0], Service("other")])
    log = switched(switchers[0])
    async with running(outer, Pass()) as run:
        await run.queue(switch_to(inner[2]))
        await until(lambda: log)
        await run.queue(Data(1))
        await run.tail.wait("Control(three on 1)")
        await run.end()
    return {"log": log, "active": outer.strategy.active_service is switchers[0]}
