"""Engine rules 66 and 67: the runner, and what the application hands through."""

import asyncio
import signal
import subprocess
import sys
import textwrap

import pytest
from pipecat_rs.frames.frames import CancelFrame, EndFrame
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.testing import Recorder, running
from support.frames import Data, tags
from support.processors import Hold
from support.tasks import task_of
from support.waiting import calls_of, settle, within


async def test_r066_runner_runs_a_task_to_its_end():
    out = Recorder()
    task = task_of(out)
    await task.queue_frames([Data(1), EndFrame()])
    await within(PipelineRunner(handle_sigint=False).run(task))
    assert task.has_finished() and tags(out.frames()) == [1]


async def test_r066_runner_ends_when_its_last_task_is_done():
    hold, out = Hold(Data), Recorder()
    short, long = task_of(out), task_of(hold)
    frame = Data()
    await short.queue_frame(EndFrame())
    await long.queue_frames([frame, EndFrame()])
    runner = PipelineRunner(handle_sigint=False)
    await runner.add_workers(short, long)
    finished = calls_of(short, "on_pipeline_finished")

    @short.event_handler("on_pipeline_finished")
    async def over(*_: object) -> None:
        await hold.wait_for("enter", frame)
        hold.release()

    await within(runner.run())
    assert len(finished) == 1
    assert short.has_finished() and long.has_finished()
    assert hold.noted("leave", frame)


async def run_until_started(runner: PipelineRunner, *tasks: PipelineTask) -> asyncio.Task[None]:
    started = [calls_of(task, "on_pipeline_started") for task in tasks]
    await runner.add_workers(*tasks)
    run = asyncio.create_task(runner.run())
    for calls in started:
        await calls.wait()
    await settle()
    return run


@pytest.mark.parametrize(
    ("method", "kind"),
    [("end", EndFrame), ("cancel", CancelFrame), ("stop_when_done", EndFrame)],
)
async def test_r066_runner_ends_and_cancels_its_tasks_on_request(method: str, kind: type):
    tasks = [task_of(Recorder()), task_of(Recorder())]
    finished = [calls_of(task, "on_pipeline_finished") for task in tasks]
    runner = PipelineRunner(handle_sigint=False)
    run = await run_until_started(runner, *tasks)
    await getattr(runner, method)()
    await within(run)
    assert all(task.has_finished() for task in tasks)
    assert [[type(frame) for (frame,) in calls] for calls in finished] == [[kind], [kind]]


@pytest.mark.parametrize("method", ["end", "cancel"])
async def test_r066_end_and_cancel_of_the_runner_are_idempotent(method: str):
    task = task_of(Recorder())
    finished = calls_of(task, "on_pipeline_finished")
    runner = PipelineRunner(handle_sigint=False)
    run = await run_until_started(runner, task)
    for _ in range(3):
        await getattr(runner, method)()
    await within(run)
    await getattr(runner, method)()
    await settle()
    assert len(finished) == 1


CALL = """
    import asyncio
    from pipecat_rs.pipeline.pipeline import Pipeline
    from pipecat_rs.pipeline.runner import PipelineRunner
    from pipecat_rs.pipeline.task import PipelineTask
    from pipecat_rs.processors.frame_processor import FrameProcessor

    class Pass(FrameProcessor):
        async def process_frame(self, frame, direction):
            await super().process_frame(frame, direction)
            await self.push_frame(frame, direction)

    async def main():
        task = PipelineTask(Pipeline([Pass()]), enable_rtvi=False)
        task.add_event_handler("on_pipeline_started", lambda *_: print("started", flush=True))
        task.add_event_handler(
            "on_pipeline_finished", lambda _, frame: print(type(frame).__name__, flush=True)
        )
        await PipelineRunner(handle_sigint=True, handle_sigterm=True).run(task)
        print("over", flush=True)

    asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_r066_runner_cancels_on_signals(number: signal.Signals):
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CALL)], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "started\n"
            child.send_signal(number)
            rest, _ = child.communicate(timeout=15)
        finally:
            child.kill()
    assert rest.split() == ["CancelFrame", "over"]
    assert child.returncode == 0


async def test_r067_app_resources_are_passed_by_reference():
    resources = {"db": object()}
    seen: list[object] = []

    class Uses(Recorder):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            seen.append(setup.pipeline_worker.app_resources)

    uses = Uses()
    task = task_of(uses, app_resources=resources)
    async with running(task) as run:
        seen.append(uses.pipeline_worker.app_resources)
        await task.queue_frame(EndFrame())
        await within(run)
    seen.append(task.app_resources)
    assert all(one is resources for one in seen) and len(seen) == 3
    assert set(resources) == {"db"}
