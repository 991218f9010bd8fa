"""The bots that are called, each written once for both packages.

A bot is a function of the package and a transport that returns the task to run.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from ..api import Api

IN_RATE, OUT_RATE = 16_000, 24_000
"""Of the caller's voice and of the bot's, in Hz."""
ANSWER_SECS = 2.0
ECHO_RATE = 16_000
ECHO_CHUNKS = 2
"""Chunks of 10 ms in a message of the echo: it goes back in messages as it came."""
QUEUED_FRAMES = 500
_TRANSCRIPT_SECS = 0.1
_FIRST_TOKEN_SECS = 0.2
_TOKEN_SECS = 0.03
_FIRST_AUDIO_SECS = 0.08
_CHUNK_SECS = 0.1
_CHUNK_EACH_SECS = 0.01
_NO_SETTINGS = dict.fromkeys(
    (
        "system_instruction",
        "temperature",
        "max_tokens",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "filter_incomplete_user_turns",
        "user_turn_completion_config",
    )
)
_TOKENS = ("Yes", ", that", " is", " quite", " right", ".")


def tone(secs: float, rate: int) -> bytes:
    """Something to play: 16-bit mono audio that is no silence."""
    period = [8000 if place < 20 else -8000 for place in range(40)]
    cycle = b"".join(sample.to_bytes(2, "little", signed=True) for sample in period)
    size = 2 * int(secs * rate)
    return (cycle * (size // len(cycle) + 1))[:size]


def agent(api: Api, transport: Any) -> Any:
    """A voice agent with Silero's voice activity detection, and services that need no network.

    Speech to text is given all audio, as one that streams it to a provider, and has a transcript
    0.1 s after the end of speech; the language model answers six tokens, the first after 0.2 s;
    speech comes after 0.08 s, and then ten times as fast as it is heard, 2 s of it.
    """
    frames = api.frames
    stt_service = api.module("services.stt_service").STTService
    llm_service = api.module("services.llm_service").LLMService
    tts_service = api.module("services.tts_service").TTSService
    settings = api.module("services.settings")
    aggregators = api.module("processors.aggregators.llm_response_universal")
    context = api.module("processors.aggregators.llm_context").LLMContext()
    stop = api.module("turns.user_stop").SpeechTimeoutUserTurnStopStrategy
    start = api.module("turns.user_start").VADUserTurnStartStrategy
    strategies = api.module("turns.user_turn_strategies").UserTurnStrategies
    analyzer = api.module("audio.vad.silero").SileroVADAnalyzer
    voice = tone(_CHUNK_SECS, OUT_RATE)

    class MockSTT(stt_service):
        def __init__(self) -> None:
            super().__init__(settings=settings.STTSettings(model="mock", language="en"))
            self.heard = 0

        async def run_stt(self, audio: bytes) -> AsyncIterator[Any]:
            self.heard += len(audio)
            yield None

        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, frames.VADUserStoppedSpeakingFrame):
                self.create_task(self.transcribe(), "transcribe")

        async def transcribe(self) -> None:
            await asyncio.sleep(_TRANSCRIPT_SECS)
            await self.push_frame(
                frames.TranscriptionFrame("Is that so?", "user", "2026-01-01T00:00:00Z")
            )

    class MockLLM(llm_service):
        # What services of pipecat_rs say of themselves; to pipecat it means nothing.
        handles = getattr(llm_service, "handles", None)

        def __init__(self) -> None:
            super().__init__(settings=settings.LLMSettings(model="mock", **_NO_SETTINGS))

        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, frames.LLMContextFrame):
                await self.push_frame(frames.LLMFullResponseStartFrame())
                await asyncio.sleep(_FIRST_TOKEN_SECS)
                for token in _TOKENS:
                    await self.push_frame(frames.LLMTextFrame(token))
                    await asyncio.sleep(_TOKEN_SECS)
                await self.push_frame(frames.LLMFullResponseEndFrame())
            else:
                await self.push_frame(frame, direction)

    class MockTTS(tts_service):
        def __init__(self) -> None:
            super().__init__(
                push_start_frame=True,
                push_stop_frames=True,
                settings=settings.TTSSettings(model="mock", voice="mock", language="en"),
            )

        async def run_tts(self, text: str, context_id: str) -> AsyncIterator[Any]:
            await asyncio.sleep(_FIRST_AUDIO_SECS)
            for _ in range(round(ANSWER_SECS / _CHUNK_SECS)):
                yield frames.TTSAudioRawFrame(voice, OUT_RATE, 1, context_id=context_id)
                await asyncio.sleep(_CHUNK_EACH_SECS)

    pair = aggregators.LLMContextAggregatorPair(
        context,
        user_params=aggregators.LLMUserAggregatorParams(
            vad_analyzer=analyzer(),
            user_turn_strategies=strategies(start=[start()], stop=[stop()]),
        ),
    )
    processors = [
        transport.input(),
        MockSTT(),
        pair.user(),
        MockLLM(),
        MockTTS(),
        transport.output(),
        pair.assistant(),
    ]
    return _task(api, processors, IN_RATE, OUT_RATE)


def echo(api: Api, transport: Any) -> Any:
    """Sends back audio and messages as they come, through one Python processor."""
    frames = api.frames

    class Echo(api.FrameProcessor):
        handles = (frames.InputAudioRawFrame, frames.InputTransportMessageFrame)

        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, frames.InputAudioRawFrame):
                await self.push_frame(
                    frames.OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
                )
            elif isinstance(frame, frames.InputTransportMessageFrame):
                await self.push_frame(
                    frames.OutputTransportMessageUrgentFrame(message=frame.message)
                )
            else:
                await self.push_frame(frame, direction)

    return _task(api, [transport.input(), Echo(), transport.output()], ECHO_RATE, ECHO_RATE)


def monologue(api: Api, transport: Any) -> Any:
    """Speaks for minutes; all of it is queued in the beginning."""
    task = _task(api, [transport.input(), transport.output()], IN_RATE, OUT_RATE)
    voice = tone(1.0, OUT_RATE)

    @transport.event_handler("on_client_connected")
    async def on_client_connected(*_: Any) -> None:
        frame = api.frames.OutputAudioRawFrame
        await task.queue_frames([frame(voice, OUT_RATE, 1) for _ in range(120)])

    return task


def interrupted(api: Api, transport: Any) -> Any:
    """Is interrupted again and again with 500 frames of audio queued, which are 10 s.

    Prints when an interruption is queued, in ns of the monotonic clock.
    """
    passing = api.pass_through()
    chain = [transport.input(), *(passing() for _ in range(3)), transport.output()]
    task = _task(api, chain, IN_RATE, OUT_RATE)
    voice = tone(0.02, OUT_RATE)
    frame = api.frames.OutputAudioRawFrame
    kept: set[Any] = set()

    async def interrupt() -> None:
        await asyncio.sleep(1)
        turn = 0
        while True:
            await task.queue_frames([frame(voice, OUT_RATE, 1) for _ in range(QUEUED_FRAMES)])
            # At any place of the 40 ms between two chunks.
            await asyncio.sleep(0.5 + 0.013 * (turn % 31))
            at = time.monotonic_ns()
            await task.queue_frame(api.frames.InterruptionFrame())
            sys.stdout.write(json.dumps({"interrupted": at}) + "\n")
            sys.stdout.flush()
            await asyncio.sleep(0.3)
            turn += 1

    @transport.event_handler("on_client_connected")
    async def on_client_connected(*_: Any) -> None:
        kept.add(asyncio.ensure_future(interrupt()))

    return task


def _task(api: Api, processors: list[Any], in_rate: int, out_rate: int) -> Any:
    params = api.module("pipeline.task").PipelineParams(
        audio_in_sample_rate=in_rate, audio_out_sample_rate=out_rate
    )
    return api.PipelineTask(api.Pipeline(processors), params=params, idle_timeout_secs=None)


BOTS = {bot.__name__: bot for bot in (agent, echo, monologue, interrupted)}
CHUNKS = {"echo": ECHO_CHUNKS}
