"""Strategies: valid frames of every class, topologies that build, schedules in bounds."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat_rs.frames.frames import (
    ControlFrame,
    DataFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputImageRawFrame,
    SystemFrame,
    TextFrame,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.testing import Recorder, run_in_virtual_time, running
from pipecat_rs.testing.strategies import (
    DIRECTING,
    Moment,
    control_frames,
    data_frames,
    frame_classes,
    frames,
    frames_of,
    schedules,
    system_frames,
    topologies,
    uninterruptible_frames,
)
from pipecat_rs.testing.topologies import Chain, Single, build
from support.processors import Pass
from support.tasks import DOWN, UP, task_of

few = settings(max_examples=25, deadline=None, database=None)
singles = st.just(Single("pass", Pass))


@pytest.mark.parametrize("frame_class", frame_classes(exclude=()), ids=lambda cls: cls.__name__)
def test_every_class_has_frames(frame_class: type[Frame]):
    @settings(max_examples=3, deadline=None, database=None)
    @given(frame=frames_of(frame_class))
    def check(frame: Frame) -> None:
        assert type(frame) is frame_class
        assert frame.id and repr(frame)

    check()


@few
@given(frame=frames_of(InputAudioRawFrame))
def test_audio_holds_whole_samples(frame: InputAudioRawFrame):
    assert frame.num_frames * frame.num_channels * 2 == len(frame.audio)
    assert frame.num_frames > 0


@few
@given(frame=frames_of(OutputImageRawFrame))
def test_images_are_as_large_as_they_say(frame: OutputImageRawFrame):
    assert len(frame.image) == 3 * frame.size[0] * frame.size[1]


@few
@given(frame=frames_of(TextFrame, text=st.just("given")))
def test_a_field_takes_the_strategy_that_is_given(frame: TextFrame):
    assert frame.text == "given"


@dataclass
class Own(DataFrame):
    """A program's own frame, with types that are known and one that is not."""

    word: str
    number: int
    thing: Any


@few
@given(frame=frames_of(Own))
def test_frames_of_a_programs_own_class(frame: Own):
    assert isinstance(frame.word, str) and isinstance(frame.number, int)


@dataclass
class Strange(DataFrame):
    """Has a field that nothing is known of."""

    pair: "tuple[str, bytes]"


def test_a_field_of_unknown_type_asks_for_a_strategy():
    with pytest.raises(TypeError, match=r"Strange\.pair .*frames_of\(Strange, pair=\.\.\.\)"):
        frames_of(Strange)


@few
@given(data=data_frames(), control=control_frames(), system=system_frames())
def test_frames_of_each_kind(data: Frame, control: Frame, system: Frame):
    assert isinstance(data, DataFrame) and not isinstance(data, SystemFrame)
    assert isinstance(control, ControlFrame) and not isinstance(control, SystemFrame)
    assert isinstance(system, SystemFrame)


@few
@given(frame=uninterruptible_frames())
def test_uninterruptible_frames(frame: Frame):
    assert not frame.interruptible and not isinstance(frame, SystemFrame)


@few
@given(frame=frames())
def test_frames_that_direct_a_pipeline_come_only_if_asked_for(frame: Frame):
    assert not isinstance(frame, DIRECTING)
    assert EndFrame in frame_classes(exclude=()) and EndFrame not in frame_classes()
    assert frame_classes(InterruptionFrame, exclude=()) == [InterruptionFrame]


@few
@given(parts=topologies(singles, max_size=3))
def test_topologies_build(parts: list):
    assert 1 <= len(parts) <= 3
    assert isinstance(build(parts), Pipeline)


@few
@given(parts=topologies(singles, compounds=[Chain]))
def test_topologies_have_the_compounds_asked_for(parts: list):
    assert {type(part) for part in parts} <= {Single, Chain}


@few
@given(schedule=schedules(st.integers(), max_size=5, max_passes=1))
def test_schedules_stay_in_their_bounds(schedule: list[Moment]):
    assert len(schedule) <= 5
    for _what, direction, passes in schedule:
        assert direction in (DOWN, UP) and passes in (0, 1)


@few
@given(parts=topologies(singles), sent=st.lists(frames(), max_size=5))
def test_frames_of_any_class_pass_through_any_topology(parts: list, sent: list[Frame]):
    async def main() -> None:
        out = Recorder()
        task = task_of(build(parts), out)
        async with running(task) as run:
            await task.queue_frames([*sent, EndFrame()])
            await run
        arrived = {frame.id for frame in out.frames()}
        assert {frame.id for frame in sent} <= arrived

    run_in_virtual_time(main())
