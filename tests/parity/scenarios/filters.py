"""The simple processors: filters, producers and consumers, idle, generators, transformers."""

from __future__ import annotations

import asyncio
from typing import Any

from kit import (
    DOWN,
    UP,
    Control,
    Data,
    Observed,
    System,
    Tap,
    label,
    labels,
    play,
    running,
    scenario,
    until,
)
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    LLMTextFrame,
    TextFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.parallel_pipeline import ParallelPipeline
from pipecat.processors.async_generator import AsyncGeneratorProcessor
from pipecat.processors.consumer_processor import ConsumerProcessor
from pipecat.processors.filters.frame_filter import FrameFilter
from pipecat.processors.filters.function_filter import FunctionFilter
from pipecat.processors.filters.identity_filter import IdentityFilter
from pipecat.processors.filters.null_filter import NullFilter
from pipecat.processors.filters.wake_check_filter import WakeCheckFilter
from pipecat.processors.filters.wake_notifier_filter import WakeNotifierFilter
from pipecat.processors.idle_frame_processor import IdleFrameProcessor
from pipecat.processors.logger import FrameLogger
from pipecat.processors.producer_processor import ProducerProcessor
from pipecat.processors.text_transformer import StatelessTextTransformer
from pipecat.utils.sync.event_notifier import EventNotifier


def heard(text: str, user: str = "user") -> TranscriptionFrame:
    return TranscriptionFrame(text, user, "now")


async def is_even(frame: Frame) -> bool:
    return getattr(frame, "tag", None) in (2, 4, "b")


MIXED = (1, 2, 3, 4)


@scenario()
async def an_identity() -> Observed:
    return await play(IdentityFilter(), frames=[Data(1), System(2), Control(3)], up=[Data("a")])


@scenario()
async def a_null_filter() -> Observed:
    return await play(
        NullFilter(), frames=[Data(1), System(2), Control(3)], up=[Data("a"), System("b")]
    )


@scenario()
async def a_frame_filter() -> Observed:
    return await play(
        FrameFilter(types=(TextFrame, Control)),
        frames=[Data(1), TextFrame("x"), LLMTextFrame("y"), Control(2), System(3)],
        up=[Data("a"), Control("b")],
    )


@scenario()
async def a_function_filter() -> Observed:
    observed = {}
    for name, options in {
        "down": {},
        "up": {"direction": UP},
        "both": {"direction": None},
        "system too": {"filter_system_frames": True},
    }.items():
        observed[name] = await play(
            FunctionFilter(filter=is_even, **options),
            frames=[*[Data(n) for n in MIXED], System(1), System(2)],
            up=[Data("a"), Data("b")],
        )
        # System frames overtake: in which place they leave is open.
        for way in ("down", "up"):
            observed[name][way].sort()
    return observed


@scenario()
async def a_wake_phrase() -> Observed:
    return await play(
        WakeCheckFilter(["hey bot", "computer"], keepalive_timeout=3),
        frames=[
            heard("nothing of interest"),
            heard("well, Hey bot, what is new"),
            heard("and more"),
            heard("from another", "other"),
            TextFrame("text"),
            heard("Computer!", "other"),
            heard("hey", "third"),
            heard("bot how are you", "third"),
        ],
    )


@scenario()
async def a_wake_phrase_wears_off() -> Observed:
    async with running(WakeCheckFilter(["hey bot"], keepalive_timeout=0.01)) as run:
        await run.queue(heard("hey bot one"))
        await run.tail.wait("TranscriptionFrame(hey bot one)")
        await asyncio.sleep(0.05)  # the time is what this is about
        await run.queue(heard("two"))
        await run.end()
    return {"down": run.tail.down()}


@scenario()
async def a_notifier_is_woken() -> Observed:
    notifier = EventNotifier()
    woken: list[bool] = []

    async def wait() -> None:
        await notifier.wait()
        woken.append(True)

    waiting = asyncio.create_task(wait())
    observed = await play(
        WakeNotifierFilter(notifier, types=(Data,), filter=is_even),
        frames=[Data(1), Control(2)],
    )
    early = list(woken)
    second = await play(
        WakeNotifierFilter(notifier, types=(Data,), filter=is_even), frames=[Data(2)]
    )
    await waiting
    return observed | {"early": early, "second": second["down"], "woken": woken}


async def double(frame: Frame) -> Frame:
    return Control(f"twice {frame.tag}")  # type: ignore[attr-defined]


@scenario()
async def a_producer_and_a_consumer() -> Observed:
    observed: Observed = {}
    for name, options in {"pass": {}, "keep": {"passthrough": False}}.items():
        producer = ProducerProcessor(filter=is_even, transformer=double, **options)
        consumer = ConsumerProcessor(producer=producer)
        tap = Tap()
        async with running(ParallelPipeline([producer], [NullFilter(), consumer, tap])) as run:
            await run.queue(*(Data(n) for n in MIXED))
            await tap.wait("Control(twice 4)")
            await run.end()
        data = [x for x in run.tail.down() if x.startswith("Data")]
        observed[name] = {"data": data, "consumed": tap.down()}
    return observed


@scenario()
async def a_consumer_upstream_with_its_own_transformer() -> Observed:
    producer = ProducerProcessor(filter=is_even)

    async def other(frame: Frame) -> Frame:
        return Control(f"other {frame.tag}")  # type: ignore[attr-defined]

    consumer = ConsumerProcessor(producer=producer, transformer=other, direction=UP)
    async with running(consumer, producer) as run:
        await run.queue(*(Data(n) for n in MIXED))
        await until(lambda: run.head.has("Control(other 4)"))
        await run.end()
    return {"up": run.head.up(), "down": run.tail.down()}


@scenario()
async def two_consumers_get_the_same() -> Observed:
    producer = ProducerProcessor(filter=is_even)
    taps = [Tap(name="one"), Tap(name="other")]
    branches = [[NullFilter(), ConsumerProcessor(producer=producer), tap] for tap in taps]
    async with running(ParallelPipeline([producer], *branches)) as run:
        await run.queue(*(Data(n) for n in MIXED))
        for tap in taps:
            await tap.wait("Data(4)")
        await run.end()
    return {tap.name: tap.down() for tap in taps}


@scenario()
async def an_idle_processor() -> Observed:
    calls: list[str] = []

    async def idle(processor: IdleFrameProcessor) -> None:
        calls.append(processor.name)

    async with running(IdleFrameProcessor(callback=idle, timeout=0.02, name="idle")) as run:
        await until(lambda: len(calls) >= 2)
        await run.queue(Data(1))
        await run.end()
    return {"calls": calls[:2], "down": run.tail.down()}


@scenario()
async def an_idle_processor_that_waits_for_some() -> Observed:
    calls: list[str] = []

    async def idle(processor: IdleFrameProcessor) -> None:
        calls.append(processor.name)

    processor = IdleFrameProcessor(callback=idle, timeout=0.3, types=[Control], name="idle")
    async with running(processor) as run:
        for _ in range(4):
            await run.queue(Data(1))
            await asyncio.sleep(0.1)  # Data does not count: the time is what this is about
        await until(lambda: calls)
        await run.end()
    return {"called": bool(calls)}


class Words:
    """Turns some frames into text."""

    async def setup(self, *args: Any) -> None:
        pass

    async def cleanup(self) -> None:
        pass

    async def serialize(self, frame: Frame) -> str | None:
        return label(frame) if isinstance(frame, (TextFrame, Data)) else None


@scenario()
async def a_generator_of_what_passes() -> Observed:
    processor = AsyncGeneratorProcessor(serializer=Words())  # type: ignore[arg-type]
    items: list[Any] = []

    async def read() -> None:
        async for item in processor.generator():
            items.append(item)

    reading = asyncio.create_task(read())
    observed = await play(processor, frames=[TextFrame("a"), Control(1), Data(2)])
    await asyncio.wait_for(reading, 5)
    return observed | {"items": items}


@scenario()
async def text_is_transformed() -> Observed:
    async def later(text: str) -> str:
        return f"<{text}>"

    return {
        "plain": await play(
            StatelessTextTransformer(str.upper),
            frames=[TextFrame("a"), LLMTextFrame("b"), Data("c"), heard("d")],
        ),
        "async": await play(StatelessTextTransformer(later), frames=[TextFrame("a"), Data("c")]),
    }


@scenario()
async def a_transformer_that_fails() -> Observed:
    def fail(text: str) -> str:
        raise ValueError(text)

    async with running(StatelessTextTransformer(fail)) as run:
        await run.queue(TextFrame("a"), Data(1))
        await run.tail.wait("Data(1)")
        await run.end()
    return {"down": run.tail.down(), "up": run.head.up()}


@scenario()
async def a_logger_passes_everything() -> Observed:
    return await play(
        FrameLogger("prefix", ignored_frame_types=(Control,)),
        frames=[Data(1), System(2), Control(3), InterimTranscriptionFrame("x", "user", "now")],
        up=[Data("a")],
    )


@scenario()
async def filters_let_the_end_through() -> Observed:
    observed: Observed = {}
    for made in (
        NullFilter(),
        FrameFilter(types=()),
        FunctionFilter(filter=is_even),
        FunctionFilter(filter=is_even, filter_system_frames=True),
        WakeCheckFilter(["x"]),
    ):
        async with running(made) as run:
            await run.queue(EndFrame())
            await run.done()
        observed.setdefault(type(made).__name__, []).append(labels(f for f, _ in run.tail.seen))
    return observed


@scenario()
async def filters_and_the_start_of_a_second_direction() -> Observed:
    tap = Tap()
    await play(tap, FrameFilter(types=(Control,)), up=[Data("a"), Control("b")])
    return {"up": [label(f) for f, d in tap.seen if d is not DOWN]}
