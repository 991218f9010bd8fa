"""Engine rules 1-9: frames."""

import inspect
import warnings
from dataclasses import dataclass

import pytest
from pipecat_rs.frames import frames as all_frames
from pipecat_rs.frames.frames import (
    ControlFrame,
    DataFrame,
    EndFrame,
    Frame,
    FrameProcessorPauseFrame,
    FrameProcessorPauseUrgentFrame,
    FrameProcessorResumeFrame,
    FrameProcessorResumeUrgentFrame,
    InputAudioRawFrame,
    InputTextRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    OutputAudioRawFrame,
    StartFrame,
    SystemFrame,
    TextFrame,
)
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, Lasting, System, tags
from support.processors import Act, Hold
from support.tasks import DOWN, UP, task_of
from support.waiting import settle

OWN_FIELDS = {
    "pts": None,
    "metadata": {},
    "broadcast_sibling_id": None,
    "transport_source": None,
    "transport_destination": None,
}


def test_r001_frame_fields_on_construction():
    @dataclass
    class Fresh(DataFrame):
        text: str

    frame = Fresh("hello")
    assert {name: getattr(frame, name) for name in OWN_FIELDS} == OWN_FIELDS
    assert not {"id", "name", *OWN_FIELDS} & set(inspect.signature(Fresh).parameters)
    with pytest.raises(TypeError):
        Fresh("hello", pts=3)  # type: ignore[call-arg]


def test_r001_names_count_per_class_from_zero():
    @dataclass
    class OneKind(DataFrame):
        pass

    @dataclass
    class OtherKind(SystemFrame):
        pass

    names = [frame.name for frame in (OneKind(), OneKind(), OtherKind(), OneKind())]
    assert names == ["OneKind#0", "OneKind#1", "OtherKind#0", "OneKind#2"]
    assert str(OneKind()) == "OneKind#3"


def test_r001_ids_come_from_one_increasing_counter():
    ids = [kind().id for kind in (Data, System, EndFrame, Control, Data, StartFrame)]
    assert ids == sorted(set(ids))


def test_r001_metadata_is_not_shared_between_frames():
    one, other = Data(), Data()
    one.metadata["key"] = 1
    assert other.metadata == {}


def test_r002_kind_of_a_frame_is_its_base_class():
    assert issubclass(TextFrame, DataFrame)
    assert issubclass(LLMFullResponseEndFrame, ControlFrame)
    assert issubclass(EndFrame, ControlFrame)
    assert issubclass(InterruptionFrame, SystemFrame)
    assert issubclass(InputAudioRawFrame, SystemFrame)
    assert issubclass(OutputAudioRawFrame, DataFrame)


async def test_r002_system_overtakes_while_data_and_control_keep_their_order():
    first = Data("held")
    hold = Hold(lambda frame: frame is first)
    async with running(task_of(hold)) as run:
        await hold.queue_frame(first)
        await hold.wait_for("enter", first)
        queued = [Data(1), Control(2), System("a"), Data(3), System("b"), Control(4)]
        for frame in queued:
            await hold.queue_frame(frame)
        await hold.wait_for("leave", queued[4])
        assert tags(hold.entered()) == ["held", "a", "b"]
        hold.release()
        await hold.wait_for("leave", queued[-1])
        assert not run.done()
    assert tags(hold.entered()) == ["held", "a", "b", 1, 2, 3, 4]


async def test_r002_frame_that_is_data_and_system_counts_as_system():
    typed = InputTextRawFrame(text="typed")
    assert isinstance(typed, TextFrame) and isinstance(typed, SystemFrame)
    first = Data("held")
    hold = Hold(lambda frame: frame is first)
    async with running(task_of(hold)):
        await hold.queue_frame(first)
        await hold.wait_for("enter", first)
        await hold.queue_frame(Data(1))
        await hold.queue_frame(typed)
        await hold.wait_for("leave", typed)
        assert tags(hold.entered()) == ["held"]
        hold.release()


UNINTERRUPTIBLE = [
    "AudioBufferStartRecordingFrame",
    "AudioBufferStopRecordingFrame",
    "EndFrame",
    "EndWorkerFrame",
    "FunctionCallInProgressFrame",
    "FunctionCallResultFrame",
    "LLMContextSummaryResultFrame",
    "LLMUpdateSettingsFrame",
    "PipelineFlushFrame",
    "STTUpdateSettingsFrame",
    "StopFrame",
    "StopWorkerFrame",
    "TTSUpdateSettingsFrame",
]


@pytest.mark.parametrize("name", UNINTERRUPTIBLE)
def test_r003_uninterruptible_frame_classes(name: str):
    kind = getattr(all_frames, name)
    arguments = [
        None
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.default is inspect.Parameter.empty
        and parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    frame = kind(*arguments)
    assert isinstance(frame, DataFrame | ControlFrame)
    assert frame.interruptible is False


@pytest.mark.parametrize("frame", [TextFrame("x"), LLMFullResponseEndFrame(), Data(), Control()])
def test_r003_other_data_and_control_frames_are_interruptible(frame: Frame):
    assert frame.interruptible is True


async def _surviving_interruption(*queued: Frame) -> list[Frame]:
    """Which of the frames that wait behind one in hand come through an interruption."""
    first = Data("held")
    hold, out = Hold(lambda frame: frame is first), Recorder()
    async with running(task_of(hold, out)):
        await hold.queue_frame(first)
        await hold.wait_for("enter", first)
        for frame in queued:
            await hold.queue_frame(frame)
        await settle()
        await hold.queue_frame(InterruptionFrame())
        last = Data("after")
        await out.wait_for(InterruptionFrame)
        await hold.queue_frame(last)
        await out.wait_for(lambda frame: frame is last)
    return [frame for frame in out.frames() if frame in queued]


async def test_r004_interruptible_can_be_set_on_one_instance():
    kept, dropped, lasting, given_up = Data("kept"), Data("dropped"), Lasting("l"), Lasting("g")
    kept.interruptible = False
    given_up.interruptible = True
    assert await _surviving_interruption(dropped, kept, lasting, given_up) == [kept, lasting]
    assert Data().interruptible and not Lasting().interruptible


async def test_r004_mixin_makes_a_class_uninterruptible():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)

        @dataclass
        class Mixed(DataFrame, all_frames.UninterruptibleFrame):
            tag: str = ""

        mixed = Mixed("mixed")
    assert mixed.interruptible is False
    assert await _surviving_interruption(Data(1), mixed) == [mixed]


def test_r005_kinds_of_the_pause_and_resume_frames():
    assert issubclass(FrameProcessorPauseFrame, ControlFrame)
    assert issubclass(FrameProcessorResumeFrame, SystemFrame)
    assert issubclass(FrameProcessorPauseUrgentFrame, SystemFrame)
    assert issubclass(FrameProcessorResumeUrgentFrame, SystemFrame)


async def _broadcast(action) -> tuple[list[str], Frame, Frame]:
    """Run `action(processor)` once: order of pushes, what came out below and above."""
    order: list[str] = []

    async def act(processor: FrameProcessor, frame: Frame, _direction: object) -> None:
        if isinstance(frame, Data) and frame.tag == "go":
            await action(processor)

    above, below, middle = Recorder(), Recorder(), Act(act)

    @middle.event_handler("on_before_push_frame")
    async def pushed(_processor: FrameProcessor, frame: Frame) -> None:
        order.append(frame.name)

    async with running(task_of(above, middle, below)) as run:
        task_frame = Data("go")
        await above.queue_frame(task_frame)
        down = await below.wait_for(lambda f: isinstance(f, Control), direction=DOWN)
        up = await above.wait_for(lambda f: isinstance(f, Control), direction=UP)
        assert not run.done()
    return order, down, up


async def test_r006_broadcasting_a_class_makes_siblings_which_share_values():
    payload = {"shared": []}

    async def action(processor: FrameProcessor) -> None:
        await processor.broadcast_frame(Control, tag=payload)

    _, down, up = await _broadcast(action)
    assert down.id != up.id and down.name != up.name
    assert (down.broadcast_sibling_id, up.broadcast_sibling_id) == (up.id, down.id)
    assert down.tag is payload and up.tag is payload


async def test_r007_broadcasting_an_instance_copies_its_fields():
    original = Control(tag=["shared"])
    original.pts = 7
    original.metadata = {"from": "test"}
    original.transport_destination = "speaker"

    async def action(processor: FrameProcessor) -> None:
        await processor.broadcast_frame_instance(original)

    _, down, up = await _broadcast(action)
    assert len({original.id, down.id, up.id}) == 3
    assert len({original.name, down.name, up.name}) == 3
    assert (down.broadcast_sibling_id, up.broadcast_sibling_id) == (up.id, down.id)
    for copy in (down, up):
        assert copy.tag is original.tag
        assert copy.metadata == {"from": "test"}
        assert (copy.pts, copy.transport_destination) == (7, "speaker")


async def test_r008_downstream_copy_is_pushed_first():
    async def action(processor: FrameProcessor) -> None:
        await processor.broadcast_frame(Control, tag=1)
        await processor.broadcast_frame_instance(Control(tag=2))

    order, down, up = await _broadcast(action)
    assert order.index(down.name) < order.index(up.name)
    copies = [name for name in order if name.startswith("Control#")]
    assert copies[:2] == [down.name, up.name] and len(copies) == 4


@pytest.mark.parametrize("kind", [InputAudioRawFrame, OutputAudioRawFrame])
@pytest.mark.parametrize(
    ("size", "channels", "expected"), [(640, 1, 320), (640, 2, 160), (0, 1, 0)]
)
def test_r009_audio_frames_count_their_samples(kind, size: int, channels: int, expected: int):
    frame = kind(audio=bytes(size), sample_rate=16000, num_channels=channels)
    assert frame.num_frames == expected
