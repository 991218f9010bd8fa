"""Filters beyond the engine rules: frames of no kind, what a function sees, wake phrases."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any

import pytest
from pipecat_rs.frames.frames import EndFrame, Frame, TextFrame, TranscriptionFrame
from pipecat_rs.processors.filters import wake_check_filter
from pipecat_rs.processors.filters.frame_filter import FrameFilter
from pipecat_rs.processors.filters.function_filter import FunctionFilter
from pipecat_rs.processors.filters.identity_filter import IdentityFilter
from pipecat_rs.processors.filters.null_filter import NullFilter
from pipecat_rs.processors.filters.wake_check_filter import WakeCheckFilter
from pipecat_rs.processors.filters.wake_notifier_filter import WakeNotifierFilter
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing import Recorder, run_test, running
from pipecat_rs.utils.sync.event_notifier import EventNotifier
from support.frames import Control, Data, System, tags
from support.tasks import DOWN, UP, task_of
from support.waiting import within


@dataclass
class Bare(Frame):
    """Neither data nor control nor system."""


@pytest.mark.parametrize("make", [NullFilter, lambda: FrameFilter(types=(Data,))])
async def test_frames_of_no_kind_are_stopped(make) -> None:
    await run_test(make(), frames_to_send=[Bare(), System()], expected_down_frames=[System])


async def test_identity_filter_passes_everything_to_a_processor_in_direct_mode() -> None:
    frames = [Data(1), Control(2), Data(3)]
    down, _ = await run_test(IdentityFilter(), frames_to_send=frames)
    assert tags(down) == [1, 2, 3]


async def test_function_follows_frames_that_it_cannot_stop() -> None:
    open_since_system = False

    async def after_system(frame: Frame) -> bool:
        nonlocal open_since_system
        open_since_system = open_since_system or isinstance(frame, System)
        return open_since_system

    filtered = FunctionFilter(filter=after_system)
    down, _ = await run_test(filtered, frames_to_send=[System(1), Data(2)])
    assert tags(down) == [1, 2]


def wake_filter(*phrases: str, **options: float) -> WakeCheckFilter:
    with pytest.warns(DeprecationWarning, match="WakePhraseUserTurnStartStrategy"):
        return WakeCheckFilter(list(phrases), **options)


def said(text: str, user: str = "ann") -> TranscriptionFrame:
    return TranscriptionFrame(text=text, user_id=user, timestamp="now")


async def heard(filtered: WakeCheckFilter, *frames: Frame) -> list[str]:
    out = Recorder()
    task = task_of(filtered, out)
    async with running(task) as run:
        await task.queue_frames([*frames, EndFrame()])
        await within(run)
    return [frame.text for frame in out.frames(TextFrame)]


async def test_transcriptions_pass_from_the_wake_phrase_on() -> None:
    texts = await heard(
        wake_filter("hey robot", "computer"),
        said("What a day. "),
        TextFrame("passes"),
        said("Well, HEY  Robot, hello."),
        said("How are you?"),
    )
    assert texts == ["passes", "HEY  Robot, hello.", "How are you?"]


async def test_wake_phrase_may_come_in_two_transcriptions() -> None:
    assert await heard(wake_filter("hey robot"), said("so, hey"), said(" robot")) == ["hey robot"]


async def test_each_user_has_to_say_the_wake_phrase() -> None:
    texts = await heard(
        wake_filter("computer"), said("computer"), said("me?", "bob"), said("you", "ann")
    )
    assert texts == ["computer", "you"]


async def test_after_a_pause_the_wake_phrase_is_needed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter([0.0, 2.0, 4.0, 7.0])  # the first three within the time, each from the last
    clock = type("Clock", (), {"monotonic": staticmethod(lambda: next(times))})
    monkeypatch.setattr(wake_check_filter, "time", clock)
    frames = [said("computer"), said("one"), said("two"), said("three")]
    assert await heard(wake_filter("computer", keepalive_timeout=3), *frames) == [
        "computer",
        "one",
        "two",
    ]


async def test_deprecation_names_the_subject() -> None:
    assert re.match("`WakeCheckFilter` is deprecated", WakeCheckFilter.__deprecated__)


@pytest.mark.parametrize("direction", [DOWN, UP])
async def test_notifier_is_notified_of_chosen_frames(direction: FrameDirection) -> None:
    asked: list[Any] = []

    async def is_two(frame: Frame) -> bool:
        asked.extend(tags([frame]))
        return 2 in asked

    notifier, first, last = EventNotifier(), Recorder(), Recorder()
    waiting = asyncio.create_task(notifier.wait())
    task = task_of(first, WakeNotifierFilter(notifier, types=(Data,), filter=is_two), last)
    far = last if direction is DOWN else first
    async with running(task):
        await task.queue_frames([Control("not asked"), Data(1), Data(2)], direction)
        await far.wait_for(Data, count=2)
        await within(waiting)
    assert asked == [1, 2]
    assert tags(far.frames()) == ["not asked", 1, 2]


async def test_own_subclass_of_notifier_filter_gets_all_frames() -> None:
    seen: list[Any] = []

    class Curious(WakeNotifierFilter):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            seen.extend(tags([frame]))
            await super().process_frame(frame, direction)

    async def no(_frame: Frame) -> bool:
        return False

    curious = Curious(EventNotifier(), types=(Data,), filter=no)
    await run_test(curious, frames_to_send=[Control(1), Data(2)])
    assert seen == [1, 2]
