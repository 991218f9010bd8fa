"""Voice activity detection as a processor."""

from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat_rs.frames.frames import (
    InputAudioRawFrame,
    SpeechControlParamsFrame,
    TextFrame,
    UserSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.audio.vad_processor import VADProcessor
from support.passage import kinds, passage, passed


class ByFirstByte(VADAnalyzer):
    """Speaks while the audio begins with a one."""

    def __init__(self) -> None:
        super().__init__(params=VADParams(start_secs=0.1, stop_secs=0.3))

    def num_frames_required(self) -> int:
        return 512

    def voice_confidence(self, buffer: bytes) -> float:
        return 0.0

    async def analyze_audio(self, buffer: bytes) -> VADState:
        return VADState.SPEAKING if buffer[0] else VADState.QUIET


def audio(level: int) -> InputAudioRawFrame:
    return InputAudioRawFrame(bytes([level]) * 640, 16_000, 1)


async def test_audio_goes_on_first_and_speech_is_told_both_ways():
    async with passage(
        VADProcessor(vad_analyzer=ByFirstByte(), speech_activity_period=3600)
    ) as ways:
        for number, level in enumerate((0, 1, 1, 0), start=1):
            await ways.send(audio(level))
            await ways.down.wait_for(InputAudioRawFrame, count=number)
        stopped = await ways.up.wait_for(VADUserStoppedSpeakingFrame)
        started = await ways.down.wait_for(VADUserStartedSpeakingFrame)
        await ways.end()
    assert kinds(ways.went_down()) == [
        SpeechControlParamsFrame,
        InputAudioRawFrame,
        InputAudioRawFrame,
        VADUserStartedSpeakingFrame,
        UserSpeakingFrame,
        InputAudioRawFrame,
        InputAudioRawFrame,
        VADUserStoppedSpeakingFrame,
    ]
    assert kinds(ways.went_up()) == [
        SpeechControlParamsFrame,
        VADUserStartedSpeakingFrame,
        UserSpeakingFrame,
        VADUserStoppedSpeakingFrame,
    ]
    assert (started.start_secs, stopped.stop_secs) == (0.1, 0.3)


async def test_other_frames_pass_in_order():
    down, _ = await passed(
        VADProcessor(vad_analyzer=ByFirstByte()), frames=[TextFrame("a"), TextFrame("b")]
    )
    assert [f.text for f in down if isinstance(f, TextFrame)] == ["a", "b"]
