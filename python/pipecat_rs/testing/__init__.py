"""Test kit for processors and pipelines.

`run_test` sends frames through one processor and compares the classes of what comes out:

    await run_test(
        SentenceAggregator(),
        frames_to_send=[TextFrame("Hello "), TextFrame("there.")],
        expected_down_frames=[TextFrame],
    )

For anything that has to be watched while it runs, put a `Recorder` into a pipeline and keep the
task going with `running`; wait for frames, never for time:

    out = Recorder()
    task = PipelineTask(Pipeline([processor, out]))
    async with running(task):
        await task.queue_frame(TextFrame("Hello"))
        frame = await out.wait_for(TextFrame)

What is about time runs on a loop whose time jumps (`virtual_time`), so that an idle timeout of
five minutes is over at once:

    @virtual_time
    async def test_an_idle_task_ends():
        task = PipelineTask(Pipeline([processor]), idle_timeout_secs=300)
        await task.run()
        assert VirtualClock.current().time() == 300

`pipecat_rs.testing.topologies` describes pipelines that can be printed, walked and built again;
`pipecat_rs.testing.strategies` has Hypothesis strategies for these, for frames and for schedules
(extra ``testing``). Those two are imported by themselves.
"""

from pipecat_rs.testing.conversation import QueuedFrameProcessor, SleepFrame, run_test
from pipecat_rs.testing.heartbeats import HeartbeatsObserver
from pipecat_rs.testing.recorder import FrameMatch, Recorder
from pipecat_rs.testing.session import running
from pipecat_rs.testing.virtual_time import (
    VirtualClock,
    VirtualTimeLoop,
    VirtualTimePolicy,
    run_in_virtual_time,
    virtual_time,
)

__all__ = [
    "FrameMatch",
    "HeartbeatsObserver",
    "QueuedFrameProcessor",
    "Recorder",
    "SleepFrame",
    "VirtualClock",
    "VirtualTimeLoop",
    "VirtualTimePolicy",
    "run_in_virtual_time",
    "run_test",
    "running",
    "virtual_time",
]
