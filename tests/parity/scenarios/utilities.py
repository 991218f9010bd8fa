"""What programs use beside pipelines: text, time, tasks, events, clocks, notifiers."""

# ruff: noqa: RUF001 - the characters of all scripts are meant

from __future__ import annotations

import asyncio
import re
from typing import Any

from kit import Observed, raised, scenario, until
from pipecat.clocks.system_clock import SystemClock
from pipecat.utils.asyncio.task_manager import TaskManager
from pipecat.utils.base_object import BaseObject
from pipecat.utils.string import (
    SENTENCE_ENDING_PUNCTUATION,
    TextPartForConcatenation,
    concatenate_aggregated_text,
    match_endofsentence,
    parse_start_end_tags,
    replace_match,
)
from pipecat.utils.sync.event_notifier import EventNotifier
from pipecat.utils.text.base_text_aggregator import AggregationType
from pipecat.utils.text.pattern_pair_aggregator import MatchAction, PatternPairAggregator
from pipecat.utils.text.simple_text_aggregator import SimpleTextAggregator
from pipecat.utils.text.skip_tags_aggregator import SkipTagsAggregator
from pipecat.utils.time import (
    nanoseconds_to_seconds,
    nanoseconds_to_str,
    seconds_to_nanoseconds,
    time_now_iso8601,
)
from pipecat.utils.utils import obj_count, obj_id

SENTENCES = (
    "Hello there.",
    "Hello there. And",
    "Hello",
    "Hello!",
    "Really? Yes.",
    "It costs $29.95 today. Really",
    "Dr. Smith is here. He",
    "Mr. and Mrs. Smith",
    "At 3 p.m. we go. Then",
    "e.g. this one. Or",
    "Wait... what? No",
    "It is 3.14 or so. Yes",
    "See www.example.com now. Go",
    "你好。世界",
    "まあ！そう",
    "यह है। और",
    "Hello; there",
    "No. 5 is alive. Yes",
    "U.S.A. is far. Yes",
    '"Hello." he said. Then',
    "(Yes.) No",
    "First line\nSecond line",
    "",
    " ",
    ".",
    "?!",
    "OK. ",
    "A. B. C.",
    "1. One. 2. Two.",
    "It's 5:30. Go",
    "Hi :) there. Yes",
    "مرحبا؟ نعم",
)


@scenario(
    differs={
        "(Yes.) No": "a sentence in brackets ends as one without them does",
        "1. One. 2. Two.": "the number of a list's item is no sentence of its own",
    }
)
async def ends_of_sentences() -> Observed:
    return {text: match_endofsentence(text) for text in SENTENCES}


@scenario()
async def marks_that_end_sentences() -> Observed:
    return {"marks": sorted(SENTENCE_ENDING_PUNCTUATION)}


@scenario()
async def pieces_of_text_put_together() -> Observed:
    def put(spaces: bool, *texts: str) -> str:
        return concatenate_aggregated_text(
            [TextPartForConcatenation(t, includes_inter_part_spaces=spaces) for t in texts]
        )

    return {
        "words": put(False, "Hello", "there", "friend."),
        "tokens": put(True, "Hel", "lo ", "there"),
        "mixed": concatenate_aggregated_text(
            [
                TextPartForConcatenation("One", includes_inter_part_spaces=False),
                TextPartForConcatenation(" two ", includes_inter_part_spaces=True),
                TextPartForConcatenation("three", includes_inter_part_spaces=False),
            ]
        ),
        "empty": put(False),
    }


@scenario()
async def matches_and_tags() -> Observed:
    match = re.search(r"b+", "abbbc")
    assert match is not None
    tags = [("<a>", "</a>"), ("<b>", "</b>")]
    cases = [
        ("plain", None, 0),
        ("open <a> now", None, 0),
        ("closed <a>x</a> now", None, 0),
        ("still</a> <b>", ("<a>", "</a>"), 0),
    ]
    return {
        "replaced": replace_match("abbbc", match, "b", "x"),
        "tags": [str(parse_start_end_tags(text, tags, current, at)) for text, current, at in cases],
    }


async def pieces(aggregator: Any, *texts: str) -> list[Any]:
    found = []
    for text in texts:
        async for piece in aggregator.aggregate(text):
            found.append([piece.text, str(getattr(piece.type, "value", piece.type))])
    rest = await aggregator.flush()
    found.append(["rest", rest.text if rest else None])
    return found


@scenario()
async def text_in_sentences() -> Observed:
    return {
        "chunks": await pieces(
            SimpleTextAggregator(), "Hello ", "there. ", "How are you? ", "Fine"
        ),
        "letters": await pieces(SimpleTextAggregator(), *"Hi. Yes! No"),
        "numbers": await pieces(SimpleTextAggregator(), "It is $1", ".50. ", "Right"),
        "at once": await pieces(SimpleTextAggregator(), "One. Two. Three. Four"),
        "tokens": await pieces(
            SimpleTextAggregator(aggregation_type=AggregationType.TOKEN), "Hello ", "there. "
        ),
        "words": [m.name for m in AggregationType],
    }


@scenario()
async def text_with_tags_to_skip() -> Observed:
    return {
        "pieces": await pieces(
            SkipTagsAggregator([("<s>", "</s>")]), "Say <s>a. b. ", "c</s>. Then ", "more. And"
        )
    }


@scenario()
async def text_with_patterns() -> Observed:
    seen: list[str] = []

    async def note(match: Any) -> None:
        seen.append(f"{match.type}: {match.text}")

    aggregator = PatternPairAggregator()
    aggregator.add_pattern("voice", "<v>", "</v>", action=MatchAction.REMOVE)
    aggregator.add_pattern("keep", "<k>", "</k>", action=MatchAction.KEEP)
    aggregator.add_pattern("code", "<c>", "</c>", action=MatchAction.AGGREGATE)
    for name in ("voice", "keep", "code"):
        aggregator.on_pattern_match(name, note)
    found = await pieces(
        aggregator, "Hello <v>alto</v>there. ", "See <c>x = 1.</c> and <k>this</k>. ", "Bye"
    )
    return {"pieces": found, "seen": seen}


@scenario()
async def an_interrupted_aggregator_forgets() -> Observed:
    aggregator = SimpleTextAggregator()
    before = [piece.text async for piece in aggregator.aggregate("Half a")]
    text = aggregator.text.text
    await aggregator.handle_interruption()
    return {"before": before, "text": text, "after": aggregator.text.text}


@scenario()
async def times() -> Observed:
    iso = time_now_iso8601()
    return {
        "iso": re.sub(r"\d", "0", iso),
        "ns": seconds_to_nanoseconds(1.5),
        "s": nanoseconds_to_seconds(2_500_000_000),
        "text": [nanoseconds_to_str(n) for n in (0, 1, 61_000_000_001, 3_600_000_000_000)],
    }


@scenario()
async def a_clock() -> Observed:
    clock = SystemClock()
    before = clock.get_time()
    clock.start()
    first, second = clock.get_time(), clock.get_time()
    return {
        "before": before,
        "rises": 0 <= first <= second,
        "small": first < 1_000_000_000,
        "kind": type(first).__name__,
    }


@scenario()
async def numbers_of_objects() -> Observed:
    class One:
        pass

    class Two:
        pass

    ids = [obj_id(), obj_id()]
    return {
        "step": ids[1] - ids[0],
        "counts": [obj_count(One()), obj_count(One()), obj_count(Two())],
    }


@scenario()
async def a_notifier() -> Observed:
    notifier = EventNotifier()
    log: list[str] = []

    async def wait(name: str) -> None:
        await notifier.wait()
        log.append(name)

    await notifier.notify()
    await asyncio.wait_for(wait("kept"), 1)
    waiting = asyncio.create_task(wait("second"))
    await asyncio.sleep(0)
    before = list(log)
    await notifier.notify()
    await waiting
    return {"before": before, "log": log}


def manager() -> Any:
    made = TaskManager()
    try:  # pipecat's own way to tell it its loop
        from pipecat.utils.asyncio.task_manager import TaskManagerParams

        made.setup(TaskManagerParams(loop=asyncio.get_running_loop()))
    except (ImportError, AttributeError, TypeError):
        pass
    return made


@scenario()
async def tasks_and_their_names() -> Observed:
    made = manager()

    async def forever() -> None:
        await asyncio.Event().wait()

    async def fails() -> None:
        raise ValueError("logged only")

    one, two = made.create_task(forever(), "same"), made.create_task(forever(), "same")
    bad = made.create_task(fails(), "bad")
    await asyncio.wait([bad])
    counts = [len(made.current_tasks())]
    await made.cancel_task(one)
    counts.append(len(made.current_tasks()))
    await made.cancel_task(two)
    counts.append(len(made.current_tasks()))
    return {
        "names": [one.get_name(), two.get_name()],
        "counts": counts,
        "done": [one.done(), two.done()],
        "bad": bad.done(),
    }


@scenario()
async def a_task_that_swallows_its_cancellation() -> Observed:
    made = manager()
    log: list[str] = []

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            log.append("swallowed")

    task = made.create_task(stubborn(), "stubborn")
    await asyncio.sleep(0)
    await made.cancel_task(task, timeout=1.0)
    return {"log": log, "done": task.done(), "cancelled": task.cancelled()}


@scenario()
async def a_canceller_that_is_cancelled() -> Observed:
    made = manager()
    go = asyncio.Event()
    log: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await go.wait()
            raise

    task = made.create_task(slow(), "slow")
    await asyncio.sleep(0)

    async def cancel() -> None:
        try:
            await made.cancel_task(task, timeout=5.0)
            log.append("returned")
        except asyncio.CancelledError:
            log.append("raised")
            raise

    cancelling = asyncio.create_task(cancel())
    await asyncio.sleep(0.01)
    cancelling.cancel()
    await asyncio.sleep(0.01)
    go.set()
    await asyncio.wait([cancelling, task], timeout=5)
    return {"log": log}


class Emits(BaseObject):
    """Something with events."""

    def __init__(self) -> None:
        super().__init__()
        self._register_event_handler("on_thing")
        self._register_event_handler("on_sync", sync=True)

    async def emit(self, event: str, *args: Any) -> None:
        await self._call_event_handler(event, *args)


@scenario()
async def events_of_an_object() -> Observed:
    log: list[Any] = []
    source = Emits()

    @source.event_handler("on_thing")
    async def _first(who: Any, *args: Any) -> None:
        log.append(["first", who is source, *args])

    @source.event_handler("on_thing")
    def _second(who: Any, *args: Any) -> None:
        log.append(["second", *args])

    @source.event_handler("on_sync")
    async def _fails(who: Any) -> None:
        log.append(["fails"])
        raise RuntimeError("no matter")

    @source.event_handler("on_sync")
    async def _after(who: Any) -> None:
        await asyncio.sleep(0)
        log.append(["after"])

    await source.emit("on_sync")
    in_place = list(log)
    await source.emit("on_thing", 1, 2)
    await until(lambda: len(log) == 4)
    await source.emit("on_unknown")
    source.add_event_handler("on_unknown", _first)
    await source.cleanup()
    return {"in place": in_place, "later": sorted(log[2:]), "name": source.name}


@scenario()
async def cleaning_up_waits_for_handlers() -> Observed:
    log: list[str] = []
    source = Emits()
    go = asyncio.Event()

    @source.event_handler("on_thing")
    async def _slow(who: Any) -> None:
        await go.wait()
        log.append("handled")

    await source.emit("on_thing")
    cleaning = asyncio.create_task(source.cleanup())
    await asyncio.sleep(0.005)
    before = cleaning.done()
    go.set()
    await cleaning
    return {"before": before, "log": log}


@scenario()
async def handlers_can_be_taken_away() -> Observed:
    log: list[str] = []
    source = Emits()

    async def one(who: Any) -> None:
        log.append("one")

    async def two(who: Any) -> None:
        log.append("two")

    source.add_event_handler("on_sync", one)
    source.add_event_handler("on_sync", two)
    await source.emit("on_sync")
    source.remove_event_handler("on_sync", one)
    await source.emit("on_sync")
    return {"log": log}


@scenario()
async def an_object_without_setup() -> Observed:
    source = Emits()

    async def nothing() -> None:
        pass

    coroutine = nothing()
    refused = raised(source.create_task, coroutine)
    coroutine.close()
    return {"refused": refused is not None, "id": isinstance(source.id, int), "text": str(source)}
