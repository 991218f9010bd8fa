"""Processors as Python programmers write them: odd constructors, mixins, introspection, pickle."""

import asyncio
import copy
import inspect
import pickle
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import pytest
from pipecat_rs.frames.frames import EndFrame, Frame
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Data, System, tags
from support.processors import Hold, Pass
from support.tasks import DOWN, task_of
from support.waiting import calls_of, within


class NeverCallsBase(FrameProcessor):
    """Forgets `super().__init__()`."""

    def __init__(self, extra: int) -> None:
        self.extra = extra

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, Data):
            frame.tag += self.extra
        await self.push_frame(frame, direction)


async def passing(processor: FrameProcessor, *frames: Frame) -> Recorder:
    out = Recorder()
    task = task_of(processor, out)
    async with running(task) as run:
        await task.queue_frames([*frames, EndFrame()])
        await within(run)
    return out


async def test_subclass_that_never_calls_the_base_constructor_works():
    processor = NeverCallsBase(10)
    assert processor.name and str(processor) == processor.name
    out = await passing(processor, Data(1), Data(2))
    assert tags(out.frames()) == [11, 12]


async def test_base_constructor_called_late_and_twice():
    class Late(Pass):
        def __init__(self) -> None:
            self.before = True
            super().__init__(name="late")
            super().__init__(name="later")

    late = Late()
    out = await passing(late, Data(1))
    assert tags(out.frames()) == [1] and late.before and late.name == "later"


async def test_positional_and_keyword_arguments_of_any_kind():
    class Many(Pass):
        def __init__(self, a: int, /, *args: int, option: str = "", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.all = (a, args, option)

    many = Many(1, 2, 3, option="x", name="many")
    assert many.all == (1, (2, 3), "x") and many.name == "many"
    assert tags((await passing(many, Data(1))).frames()) == [1]


async def test_mixins_before_and_behind_the_base_class():
    class Counts:
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.count = 0

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            self.count += isinstance(frame, Data)
            await super().process_frame(frame, direction)  # type: ignore[misc]

    class Before(Counts, Pass):
        pass

    class Behind(Pass, Counts):
        pass

    before, behind = Before(), Behind()
    await passing(before, Data(), System())
    await passing(behind, Data())
    assert before.count == 1 and isinstance(behind, Counts)


async def test_abstract_and_generic_bases():
    T = TypeVar("T")

    class Typed(FrameProcessor, ABC, Generic[T]):
        @abstractmethod
        def change(self, value: T) -> T: ...

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, Data):
                frame.tag = self.change(frame.tag)
            await self.push_frame(frame, direction)

    class Doubles(Typed[int]):
        def change(self, value: int) -> int:
            return value * 2

    with pytest.raises(TypeError, match="abstract"):
        Typed()  # type: ignore[abstract]
    assert tags((await passing(Doubles(), Data(4))).frames()) == [8]


async def test_instance_attributes_slots_and_properties():
    class Slotted(Pass):
        __slots__ = ("slot",)

    slotted = Slotted()
    slotted.slot = 1
    slotted.anything = 2  # type: ignore[attr-defined]
    assert (slotted.slot, slotted.anything) == (1, 2)  # type: ignore[attr-defined]
    assert tags((await passing(slotted, Data(1))).frames()) == [1]


async def test_method_replaced_on_an_instance_or_a_class_in_mid_run():
    processor, out = Pass(), Recorder()
    original = processor.process_frame

    async def replaced(frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, Data):
            frame.tag = "replaced"
        await original(frame, direction)

    task = task_of(processor, out)
    async with running(task):
        processor.process_frame = replaced  # type: ignore[method-assign]
        await task.queue_frame(Data(1))
        await out.wait_for(Data)
    assert tags(out.frames()) == ["replaced"]


async def test_push_frame_of_another_processor_can_be_called():
    """Helpers get a processor, or one of its methods, and push through it."""
    first, second, out = Pass(), Pass(), Recorder()

    async def helper(push) -> None:
        await push(Data("pushed"), DOWN)

    async with running(task_of(first, second, out)):
        await helper(second.push_frame)
        await helper(first.push_frame)
        await out.wait_for(Data, count=2)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("make", [Pass, lambda: task_of(Pass())])
def test_pickling_fails_clearly(make: Any, protocol: int):
    with pytest.raises((TypeError, pickle.PicklingError), match="pickle"):
        pickle.dumps(make(), protocol)


def test_copying_fails_clearly():
    for how in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            how(Pass())


@pytest.mark.parametrize(
    "name",
    ["process_frame", "push_frame", "queue_frame", "push_error", "broadcast_frame", "setup"],
)
def test_methods_show_as_coroutine_functions(name: str):
    """Frameworks ask before they decide whether to await."""
    for owner in (FrameProcessor, FrameProcessor(), Pass()):
        assert inspect.iscoroutinefunction(getattr(owner, name))
        assert asyncio.iscoroutinefunction(getattr(owner, name))


@pytest.mark.parametrize("name", ["queue_frame", "queue_frames", "cancel", "run"])
def test_methods_of_the_task_show_as_coroutine_functions(name: str):
    assert inspect.iscoroutinefunction(getattr(task_of(Pass()), name))


@pytest.mark.parametrize("name", ["process_frame", "push_frame", "queue_frame"])
def test_native_methods_have_signatures_and_documentation(name: str):
    method = getattr(FrameProcessor, name)
    assert {"frame", "direction"} <= set(inspect.signature(method).parameters)
    assert inspect.getdoc(method)


async def test_arguments_by_keyword():
    processor, out = Pass(), Recorder()
    task = task_of(processor, out)
    async with running(task):
        await processor.push_frame(frame=Data(1), direction=DOWN)
        await processor.queue_frame(frame=Data(2), direction=DOWN, callback=None)
        await task.queue_frame(frame=Data(3), direction=DOWN)
        await task.queue_frames(frames=[Data(4)], direction=DOWN)
        await out.wait_for(Data, count=4)


async def test_coroutines_of_push_and_queue_behave_as_coroutines():
    processor, out = Pass(), Recorder()
    async with running(task_of(processor, out)):
        coroutine = processor.push_frame(Data(1))
        assert inspect.isawaitable(coroutine)
        with pytest.raises(StopIteration):
            coroutine.send(None)
        coroutine.close()
        other = processor.push_frame(Data(2))
        with pytest.raises(ValueError, match="thrown"):
            other.throw(ValueError("thrown"))
        await processor.push_frame(Data(3))
        await out.wait_for(lambda frame: isinstance(frame, Data) and frame.tag == 3)


async def test_frame_subclasses_with_slots_properties_and_no_dataclass_decorator():
    class Plain(Data):
        @property
        def shout(self) -> str:
            return str(self.tag).upper()

    class Bare(System):
        def __init__(self, value: int) -> None:
            super().__init__(tag=value)

    out = await passing(Pass(), Plain("a"), Bare(3))
    assert [frame.shout for frame in out.frames(Plain)] == ["A"]
    assert [frame.tag for frame in out.frames(Bare)] == [3]


async def test_frames_that_compare_equal_are_different_frames():
    """A frame's identity decides, never its equality or its hash."""

    class Same(Data):
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            raise TypeError("not hashable")

    out = await passing(Pass(), Same(1), Same(2), Same(3))
    assert [frame.tag for frame in out.frames(Same)] == [1, 2, 3]


async def test_name_and_identity():
    one, other = Pass(), Pass()
    assert one.id != other.id and one.name != other.name
    assert str(one) == one.name and isinstance(hash(one), int)
    assert one != other and one in {one: 1}
    hold = Hold(Data, name="told apart")
    errors = calls_of(hold, "on_error")
    assert hold.name == "told apart" and not errors
