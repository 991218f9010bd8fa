"""Serialized frames are taken from a generator."""

from pipecat_rs.frames.frames import EndFrame, Frame
from pipecat_rs.processors.async_generator import AsyncGeneratorProcessor
from pipecat_rs.testing import Recorder, running
from support.frames import Control, Data, tags
from support.tasks import task_of
from support.waiting import within


class DataTags:
    """Serializes frames of one class to their tag."""

    async def serialize(self, frame: Frame) -> str | bytes | None:
        return frame.tag if isinstance(frame, Data) else None


async def test_generator_yields_what_was_serialized_until_the_end() -> None:
    processor, out = AsyncGeneratorProcessor(serializer=DataTags()), Recorder()
    task = task_of(processor, out)
    async with running(task) as run:
        await task.queue_frames([Data("a"), Control("no"), Data(""), Data(b"b"), EndFrame()])

        async def collect() -> list[str | bytes]:
            return [data async for data in processor.generator()]

        assert await within(collect()) == ["a", b"b"]
        await within(run)
    assert tags(out.frames()) == ["a", "no", "", b"b"]
