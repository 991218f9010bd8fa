"""Frames that pass are logged."""

import logging

import pytest
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.processors.logger import FrameLogger
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data
from support.tasks import DOWN, UP, task_of

LOGGER = "pipecat_rs.processors.logger"


async def logged(
    caplog: pytest.LogCaptureFixture, logger: FrameLogger, direction: FrameDirection
) -> list[str]:
    """The lines about a data and a control frame."""
    with caplog.at_level(logging.DEBUG, LOGGER):
        first, last = Recorder(), Recorder()
        task = task_of(first, logger, last)
        far = last if direction is DOWN else first
        async with running(task):
            await task.queue_frames([Data(1), Control(2)], direction)
            await far.wait_for(Control)
    lines = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    return [line for line in lines if "Data" in line or "Control" in line]


async def test_each_frame_is_logged_with_its_direction(caplog: pytest.LogCaptureFixture) -> None:
    down = await logged(caplog, FrameLogger("here"), DOWN)
    caplog.clear()
    up = await logged(caplog, FrameLogger("there"), UP)
    assert [line.split("#")[0] for line in down] == ["> here: Data", "> here: Control"]
    assert [line.split("#")[0] for line in up] == ["< there: Data", "< there: Control"]


async def test_ignored_classes_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    logger = FrameLogger(ignored_frame_types=(Data,))
    lines = await logged(caplog, logger, DOWN)
    assert len(lines) == 1 and "Control" in lines[0]


async def test_nothing_is_left_out_if_nothing_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    logger = FrameLogger(ignored_frame_types=())
    assert len(await logged(caplog, logger, DOWN)) == 2


@pytest.mark.parametrize(
    ("color", "start", "end"),
    [("red", "\x1b[31m", "\x1b[0m"), ("light-blue", "\x1b[94m", "\x1b[0m"), ("no such", ">", "")],
)
async def test_color(caplog: pytest.LogCaptureFixture, color: str, start: str, end: str) -> None:
    lines = await logged(caplog, FrameLogger(color=color), DOWN)
    assert all(line.startswith(start) and line.endswith(end) for line in lines)
