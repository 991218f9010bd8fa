"""Events of speech (rule 103)."""

from types import SimpleNamespace

from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat_rs.audio.vad.vad_controller import VADController
from pipecat_rs.frames.frames import (
    InputAudioRawFrame,
    SpeechControlParamsFrame,
    VADParamsUpdateFrame,
)
from pipecat_rs.utils.asyncio.task_manager import TaskManager
from support.waiting import calls_of

AUDIO = InputAudioRawFrame(bytes(640), 16_000, 1)


class Told(VADAnalyzer):
    """Says what it is told to say."""

    def __init__(self, *states: VADState) -> None:
        super().__init__()
        self.states = list(states)
        self.loaded = False

    async def load(self) -> None:
        self.loaded = True

    def num_frames_required(self) -> int:
        return 512

    def voice_confidence(self, buffer: bytes) -> float:
        return 0.0

    async def analyze_audio(self, buffer: bytes) -> VADState:
        return self.states.pop(0)


async def controller(*states: VADState, **kwargs) -> VADController:
    made = VADController(Told(*states), **kwargs)
    await made.setup(SimpleNamespace(task_manager=TaskManager(), audio_in_sample_rate=16_000))
    return made


async def test_it_loads_the_analyzer_and_sets_its_rate():
    vad = await controller()
    assert vad._vad_analyzer.loaded
    assert vad._vad_analyzer.sample_rate == 16_000


async def test_only_speaking_and_quiet_make_events():
    vad = await controller(
        VADState.STARTING,
        VADState.SPEAKING,
        VADState.STOPPING,
        VADState.SPEAKING,
        VADState.STOPPING,
        VADState.QUIET,
        VADState.QUIET,
    )
    started, stopped = calls_of(vad, "on_speech_started"), calls_of(vad, "on_speech_stopped")
    history = []
    for _ in range(7):
        await vad.process_frame(AUDIO)
        history.append((len(started), len(stopped)))
    assert history == [(0, 0), (1, 0), (1, 0), (1, 0), (1, 0), (1, 1), (1, 1)]
    await vad.cleanup()


async def test_activity_is_told_again_and_again_but_not_too_often():
    vad = await controller(*[VADState.SPEAKING] * 5, speech_activity_period=3600)
    often = await controller(*[VADState.SPEAKING] * 5, speech_activity_period=0)
    counts = []
    for made in (vad, often):
        activity = calls_of(made, "on_speech_activity")
        for _ in range(5):
            await made.process_frame(AUDIO)
        counts.append(len(activity))
        await made.cleanup()
    assert counts == [1, 5]


async def test_audio_that_ceases_stops_the_speech():
    vad = await controller(VADState.SPEAKING, audio_idle_timeout=0.01)
    stopped = calls_of(vad, "on_speech_stopped")
    await vad.process_frame(AUDIO)
    await stopped.wait()
    await vad.cleanup()


async def test_the_parameters_are_announced():
    vad = await controller()
    announced = calls_of(vad, "on_broadcast_frame")
    frames = []

    @vad.event_handler("on_broadcast_frame")
    async def broadcast(_controller, frame_cls, **kwargs):
        frames.append((frame_cls, kwargs))

    vad.remove_event_handler("on_broadcast_frame", announced)
    await vad.start()
    new = VADParams(stop_secs=0.8)
    await vad.process_frame(VADParamsUpdateFrame(params=new))
    assert [cls for cls, _ in frames] == [SpeechControlParamsFrame] * 2
    assert [kwargs["vad_params"].stop_secs for _, kwargs in frames] == [0.2, 0.8]
