"""Text is changed by a plain or an async function."""

import pytest
from pipecat_rs.frames.frames import EndFrame, TextFrame
from pipecat_rs.processors.text_transformer import StatelessTextTransformer
from pipecat_rs.testing import Recorder, running
from support.frames import Data
from support.tasks import task_of
from support.waiting import within


async def upper(text: str) -> str:
    return text.upper()


@pytest.mark.parametrize("function", [str.upper, upper])
async def test_text_is_changed_and_other_frames_pass_in_order(function) -> None:
    out = Recorder()
    task = task_of(StatelessTextTransformer(function), out)
    async with running(task) as run:
        await task.queue_frames([Data(), TextFrame("a"), Data(), TextFrame("b"), EndFrame()])
        await within(run)
    passed = out.frames((Data, TextFrame))
    assert [type(frame) for frame in passed] == [Data, TextFrame, Data, TextFrame]
    assert [frame.text for frame in passed if isinstance(frame, TextFrame)] == ["A", "B"]
