"""An observer hears what it wants to hear of, and what its subclasses want to hear of."""

from typing import Any

from pipecat_rs.frames.frames import EndFrame, Frame, StartFrame, TextFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.observers.turn_tracking_observer import TurnTrackingObserver
from pipecat_rs.processors.filters.identity_filter import IdentityFilter
from pipecat_rs.testing import running
from support.frames import Data
from support.tasks import task_of
from support.waiting import within


async def heard_by(observer: Any) -> set[type[Frame]]:
    task = task_of(IdentityFilter(), observers=[observer])
    async with running(task) as run:
        await task.queue_frames([TextFrame("hello"), Data(1), EndFrame()])
        await within(run)
    return set(observer.heard)


class Notes(BaseObserver):
    """Notes the classes of frames."""

    handles = (TextFrame,)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heard: list[type[Frame]] = []

    async def on_push_frame(self, data: FramePushed) -> None:
        self.heard.append(type(data.frame))


async def test_it_hears_what_its_class_says():
    assert await heard_by(Notes()) == {TextFrame}


async def test_one_object_may_say_otherwise():
    notes = Notes()
    notes.handles = (Data,)  # type: ignore[misc]
    assert await heard_by(notes) == {Data}


async def test_a_subclass_that_listens_itself_hears_everything():
    """It heard no text: the interest of the class above it held for it too."""

    class Turns(TurnTrackingObserver):
        def __init__(self) -> None:
            super().__init__()
            self.heard: list[type[Frame]] = []

        async def on_push_frame(self, data: FramePushed) -> None:
            self.heard.append(type(data.frame))
            await super().on_push_frame(data)

    assert await heard_by(Turns()) == {StartFrame, TextFrame, Data, EndFrame}


async def test_a_subclass_that_does_not_hears_the_same():
    class Quiet(Notes):
        pass

    assert await heard_by(Quiet()) == {TextFrame}
