"""`pipecat_rs.compat`: programs that are written for pipecat run as they are."""

import importlib
import importlib.util
import subprocess
import sys
import types
from collections.abc import Iterator

import pipecat_rs
import pytest
from pipecat_rs import compat
from pipecat_rs.exceptions import PipecatError
from pipecat_rs.frames import frames
from pipecat_rs.pipeline import pipeline


@pytest.fixture
def installed() -> Iterator[None]:
    """The alias, for one test."""
    compat.install()
    yield
    compat.uninstall()


def test_each_form_of_import_gives_the_same_module(installed: None) -> None:
    import pipecat
    import pipecat.frames.frames
    import pipecat.frames.frames as by_alias
    from pipecat import frames as package
    from pipecat.frames import frames as by_name

    assert pipecat is pipecat_rs
    assert pipecat.frames.frames is by_alias is by_name is frames
    assert package is sys.modules["pipecat_rs.frames"]
    assert importlib.import_module("pipecat.frames.frames") is frames


def test_classes_are_the_same_classes(installed: None) -> None:
    from pipecat.frames.frames import TextFrame
    from pipecat.pipeline.pipeline import Pipeline

    assert TextFrame is frames.TextFrame
    assert Pipeline is pipeline.Pipeline


def test_a_module_keeps_its_own_name_and_spec(installed: None) -> None:
    module = importlib.import_module("pipecat.frames.frames")

    assert module.__name__ == "pipecat_rs.frames.frames"
    assert module.__spec__ is not None
    assert module.__spec__.name == "pipecat_rs.frames.frames"
    assert importlib.reload(module) is module


def test_a_module_that_is_not_there_is_named_under_both_names(installed: None) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"pipecat_rs\.no_such_module") as caught:
        importlib.import_module("pipecat.no_such_module")

    assert caught.value.name == "pipecat.no_such_module"


def test_modules_of_like_names_are_left_alone(installed: None) -> None:
    assert importlib.util.find_spec("pipecat_like") is None


def test_installing_twice_is_installing_once() -> None:
    compat.install()
    compat.install()
    compat.uninstall()

    assert not [finder for finder in sys.meta_path if type(finder).__module__ == compat.__name__]


def test_uninstalling_takes_the_alias_away_and_leaves_the_modules(installed: None) -> None:
    importlib.import_module("pipecat.frames.frames")

    compat.uninstall()
    compat.uninstall()

    assert not [name for name in sys.modules if name.partition(".")[0] == "pipecat"]
    assert sys.modules["pipecat_rs.frames.frames"] is frames


def test_it_refuses_when_pipecat_itself_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = types.ModuleType("pipecat")
    theirs.__file__ = "/somewhere/pipecat/__init__.py"
    monkeypatch.setitem(sys.modules, "pipecat", theirs)

    with pytest.raises(PipecatError, match="before the first import"):
        compat.install()

    compat.uninstall()
    assert sys.modules["pipecat"] is theirs


BOT = """
import pipecat_rs.compat
pipecat_rs.compat.install()

import asyncio
from pipecat.frames.frames import EndFrame, Frame, TextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

class Shout(FrameProcessor):
    async def process_frame(self, frame: Frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if isinstance(frame, TextFrame):
            print(frame.text.upper())
        await self.push_frame(frame, direction)

async def main():
    task = PipelineTask(Pipeline([Shout()]))
    await task.queue_frames([TextFrame("hello"), EndFrame()])
    await PipelineRunner().run(task)

asyncio.run(main())
"""


def test_a_program_written_for_pipecat_runs_as_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", BOT], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("HELLO\n", "")
