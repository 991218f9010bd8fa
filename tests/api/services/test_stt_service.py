"""Speech-to-text: a stream, and one utterance at a time."""

import asyncio
from collections.abc import AsyncGenerator

from pipecat_rs.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    MetricsFrame,
    STTMetadataFrame,
    STTMuteFrame,
    STTUpdateSettingsFrame,
    TextFrame,
    TranscriptionFrame,
    UserAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import STTUsageMetricsData, TTFBMetricsData
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.services.settings import STTSettings
from pipecat_rs.services.stt_service import SegmentedSTTService, STTService
from pipecat_rs.transcriptions.language import Language
from support.passage import kinds, passage, passed
from support.waiting import settle, until

RATE = 16_000
MEASURED = PipelineParams(enable_metrics=True, enable_usage_metrics=True)


def audio(byte: int, secs: float = 0.02) -> InputAudioRawFrame:
    return InputAudioRawFrame(bytes([byte]) * round(secs * RATE * 2), RATE, 1)


class Stream(STTService):
    """Transcribes each chunk as its first byte."""

    def __init__(self, **kwargs) -> None:
        super().__init__(settings=STTSettings(model="m", language=Language.DE), **kwargs)

    def can_generate_metrics(self) -> bool:
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield TranscriptionFrame(str(audio[0]), self._user_id, "now")


class Segments(SegmentedSTTService):
    """Notes utterances, and transcribes each once it is let."""

    def __init__(self, wav: bool = False, **kwargs) -> None:
        super().__init__(settings=STTSettings(model="m", language=None), **kwargs)
        self.wav = wav
        self.heard: list[bytes] = []
        self.go = asyncio.Event()
        self.go.set()

    @property
    def wants_wav_segments(self) -> bool:
        return self.wav

    def can_generate_metrics(self) -> bool:
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        self.heard.append(audio)
        await self.go.wait()
        if audio[0] == 255:
            raise ValueError("cannot hear this")
        yield TranscriptionFrame(str(len(self.heard)), self._user_id, "now")


async def speak(ways, *frames: Frame) -> None:
    await ways.send(
        VADUserStartedSpeakingFrame(), *frames, VADUserStoppedSpeakingFrame(stop_secs=0.2)
    )


async def test_a_stream_is_transcribed_and_passed_on():
    down, _ = await passed(Stream(), frames=[audio(1), audio(2)])
    assert [f.text for f in down if isinstance(f, TranscriptionFrame)] == ["1", "2"]
    assert kinds(down).count(InputAudioRawFrame) == 2


async def test_audio_stops_here_if_wanted():
    down, _ = await passed(Stream(audio_passthrough=False), frames=[audio(1)])
    assert InputAudioRawFrame not in kinds(down)


async def test_muted_it_hears_nothing():
    down, _ = await passed(
        Stream(),
        frames=[STTMuteFrame(mute=True), audio(1), STTMuteFrame(mute=False), audio(2)],
    )
    assert [f.text for f in down if isinstance(f, TranscriptionFrame)] == ["2"]


async def test_the_user_of_the_audio_is_the_user_of_the_transcript():
    frame = UserAudioRawFrame(b"\x01\x00", RATE, 1, user_id="ada")
    down, _ = await passed(Stream(), frames=[frame])
    assert [f.user_id for f in down if isinstance(f, TranscriptionFrame)] == ["ada"]


async def test_its_latency_is_announced():
    down, _ = await passed(Stream(ttfs_p99_latency=0.7), frames=[])
    assert [f.ttfs_p99_latency for f in down if isinstance(f, STTMetadataFrame)] == [0.7]


async def test_settings_are_changed_unless_they_are_anothers():
    mine, others = Stream(), Stream()
    change = STTSettings(language=Language.FR)
    down, _ = await passed(
        mine,
        frames=[
            STTUpdateSettingsFrame(delta=change, service=mine),
            STTUpdateSettingsFrame(delta=STTSettings(language="es"), service=others),
        ],
    )
    assert mine.settings.language == Language.FR
    assert kinds(down).count(STTUpdateSettingsFrame) == 1


async def test_an_utterance_has_its_beginning_and_silence_at_its_end():
    stt = Segments(trailing_silence_secs=0.5)
    async with passage(stt) as ways:
        # Two seconds of which one is kept, then speech.
        await ways.send(*(audio(1, 0.1) for _ in range(10)), *(audio(2, 0.1) for _ in range(10)))
        await speak(ways, audio(3, 0.1), audio(4, 0.1))
        transcript = await ways.down.wait_for(TranscriptionFrame)
        await ways.end()
    second = RATE * 2
    assert stt.heard == [
        b"\x02" * second + b"\x03" * (second // 10) + b"\x04" * (second // 10) + bytes(second // 2)
    ]
    assert transcript.finalized


async def test_an_utterance_is_a_wav_file_if_the_model_wants_one():
    stt = Segments(wav=True)
    async with passage(stt) as ways:
        await speak(ways, audio(1))
        await ways.down.wait_for(TranscriptionFrame)
        await ways.end()
    assert stt.heard[0].startswith(b"RIFF")


async def test_utterances_are_transcribed_in_order_while_frames_pass():
    stt = Segments()
    stt.go.clear()
    async with passage(stt) as ways:
        await speak(ways, audio(1))
        await until(lambda: len(stt.heard) == 1)
        await speak(ways, audio(2))
        await ways.send(TextFrame("meanwhile"))
        await ways.down.wait_for(TextFrame)
        assert len(stt.heard) == 1
        stt.go.set()
        await ways.down.wait_for(TranscriptionFrame, count=2)
        await ways.end()
    assert [f.text for f in ways.went_down() if isinstance(f, TranscriptionFrame)] == ["1", "2"]


async def test_a_transcript_is_final_if_none_is_to_come():
    stt = Segments()
    stt.go.clear()
    async with passage(stt) as ways:
        await speak(ways, audio(1))
        await until(lambda: len(stt.heard) == 1)
        await speak(ways, audio(2))
        await ways.down.wait_for(VADUserStoppedSpeakingFrame, count=2)
        stt.go.set()
        await ways.down.wait_for(TranscriptionFrame, count=2)
        await ways.send(VADUserStartedSpeakingFrame())
        await ways.end()
    transcripts = [f for f in ways.went_down() if isinstance(f, TranscriptionFrame)]
    assert [f.finalized for f in transcripts] == [False, True]


async def test_the_end_waits_for_the_last_utterance():
    stt = Segments()
    stt.go.clear()
    async with passage(stt) as ways:
        await speak(ways, audio(1))
        await until(lambda: len(stt.heard) == 1)
        end = asyncio.create_task(ways.end())
        await settle()
        assert not ways.run.done()
        stt.go.set()
        await end
    assert TranscriptionFrame in kinds(ways.went_down())


async def test_a_cancel_does_not_wait():
    stt = Segments()
    stt.go.clear()
    async with passage(stt) as ways:
        await speak(ways, audio(1))
        await until(lambda: len(stt.heard) == 1)
        await ways.task.cancel()
        await asyncio.wait_for(asyncio.shield(ways.run), 10)
    assert TranscriptionFrame not in kinds(ways.went_down())


async def test_an_utterance_that_fails_is_an_error_and_the_next_is_transcribed():
    stt = Segments()
    async with passage(stt) as ways:
        await speak(ways, audio(255))
        error = await ways.up.wait_for(ErrorFrame)
        await speak(ways, audio(1))
        await ways.down.wait_for(TranscriptionFrame)
        await ways.end()
    assert "cannot hear this" in error.error


async def test_time_and_usage_are_measured():
    stt = Segments(trailing_silence_secs=0)
    async with passage(stt, params=MEASURED) as ways:
        await speak(ways, audio(1, 0.5))
        await ways.down.wait_for(TranscriptionFrame)
        await ways.end()
    data = [d for f in ways.down.frames(MetricsFrame) for d in f.data]
    usage = [d.value.audio_seconds for d in data if isinstance(d, STTUsageMetricsData)]
    ttfb = [d.value for d in data if isinstance(d, TTFBMetricsData) and d.value]
    assert usage == [0.5]
    # Measured from the end of speech, which was found 0.2 s after it.
    assert len(ttfb) == 1 and ttfb[0] >= 0.2


async def test_the_time_to_a_transcript_that_does_not_say_it_is_final_is_told_later():
    stt = Stream(stt_ttfb_timeout=0.01)
    async with passage(stt, params=MEASURED) as ways:
        await speak(ways)
        await ways.send(audio(1))
        await ways.down.wait_for(
            lambda f: (
                isinstance(f, MetricsFrame)
                and any(isinstance(d, TTFBMetricsData) and d.value for d in f.data)
            )
        )
        await ways.end()
