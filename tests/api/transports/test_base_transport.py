"""What every transport has in common: stopping it."""

import pytest
from pipecat_rs.frames.frames import CancelFrame, InputAudioRawFrame, StartFrame
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.testing import Recorder, running
from pipecat_rs.transports.base_input import BaseInputTransport
from pipecat_rs.transports.base_output import BaseOutputTransport
from pipecat_rs.transports.base_transport import BaseTransport, TransportParams
from support.waiting import within


class Filter:
    """Notes how often it was started and stopped."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def start(self, sample_rate: int) -> None:
        self.log.append("start")

    async def stop(self) -> None:
        self.log.append("stop")

    async def filter(self, audio: bytes) -> bytes:
        return audio


class Output(BaseOutputTransport):
    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)


class Transport(BaseTransport):
    def __init__(self, **kwargs) -> None:
        super().__init__()
        params = TransportParams(audio_in_enabled=True, audio_out_enabled=True, **kwargs)
        self._input = BaseInputTransport(params)
        self._output = Output(params)

    def input(self) -> FrameProcessor:
        return self._input

    def output(self) -> FrameProcessor:
        return self._output


def task_on(transport: Transport, *processors: FrameProcessor) -> PipelineTask:
    pipeline = Pipeline([transport.input(), *processors, transport.output()])
    return PipelineTask(pipeline, cancel_on_idle_timeout=False)


async def test_the_documents_cleanup_after_the_task():
    sounds = Filter()
    transport = Transport(audio_in_filter=sounds, audio_out_filter=sounds)
    task = task_on(transport)
    async with running(task):
        await task.stop_when_done()
    assert sorted(sounds.log) == ["start", "start", "stop", "stop"]
    await transport.stop()
    await transport.stop()
    assert len(sounds.log) == 4


async def test_a_task_that_still_runs_is_cancelled():
    sounds, out = Filter(), Recorder()
    transport = Transport(audio_in_filter=sounds)
    task = task_on(transport, out)
    async with running(task) as run:
        await transport.stop()
        assert sounds.log == ["start", "stop"]
        await within(run)
        assert out.frames(CancelFrame)
    assert sounds.log == ["start", "stop"]


async def test_it_may_be_stopped_by_a_handler_of_its_own_pipeline():
    transport, out = Transport(), Recorder()
    task = task_on(transport, out)

    @transport.input().event_handler("on_before_process_frame")
    async def stop(_processor: FrameProcessor, frame: object) -> None:
        if isinstance(frame, InputAudioRawFrame):
            await transport.stop()

    async with running(task) as run:
        await task.queue_frame(InputAudioRawFrame(bytes(640), 16_000, 1))
        await within(run)


async def test_a_transport_that_never_ran_is_stopped_too():
    sounds = Filter()
    await Transport(audio_in_filter=sounds).stop()
    assert not sounds.log


async def test_the_second_task_on_a_stopped_transport_works():
    sounds = Filter()
    transport = Transport(audio_in_filter=sounds)
    for _ in range(2):
        task = task_on(transport)
        async with running(task):
            await task.stop_when_done()
        await transport.stop()
    assert sounds.log == ["start", "stop"] * 2


async def test_a_recording_is_closed_whether_or_not_it_was_called(tmp_path):
    pytest.importorskip("numpy")
    soundfile = pytest.importorskip("soundfile")
    from pipecat_rs.transports.local.audio_file import AudioFileTransport

    path = tmp_path / "caller.wav"
    soundfile.write(path, [0.0] * 1600, 16_000)
    transport = AudioFileTransport(path, tmp_path / "call.wav")
    await transport.stop()

    transport = AudioFileTransport(path, tmp_path / "call.wav")
    task = PipelineTask(Pipeline([transport.input(), transport.output()]))
    async with running(task) as run:
        await transport.stop()
        await within(run)
    await transport.stop()
