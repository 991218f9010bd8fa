"""Services are traced by their decorated methods, below the turn."""

import asyncio
import json
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage, STTUsage
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat_rs.services.stt_service import STTService
from pipecat_rs.services.tts_service import TTSService
from pipecat_rs.testing import Recorder, running
from pipecat_rs.utils.tracing.service_decorators import (
    traced_gemini_live,
    traced_llm,
    traced_openai_realtime,
    traced_stt,
    traced_tts,
)
from support.tasks import task_of
from support.waiting import until, within

IMAGE = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
MEASURED = PipelineParams(enable_metrics=True, enable_usage_metrics=True)


class Ear(STTService):
    """Hears what the audio says, final if it ends with a full stop."""

    def __init__(self) -> None:
        super().__init__(settings=STTSettings(model="ear-1", language=None))

    def can_generate_metrics(self) -> bool:
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        text = audio.decode()
        final = text.endswith(".")
        if final:
            await self.start_stt_usage_metrics(STTUsage(audio_seconds=1.5))
        yield TranscriptionFrame(text, "user-1", "now", finalized=final)

    @traced_stt
    async def _handle_transcription(self, transcript: str) -> None: ...


class Mind(LLMService):
    """Answers with two pieces; says no more if the conversation says so."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(settings=LLMSettings(model="mind-1", **settings))

    def can_generate_metrics(self) -> bool:
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self.answer(frame.context)
        else:
            await self.push_frame(frame, direction)

    @traced_llm
    async def answer(self, context: LLMContext) -> None:
        trace.get_tracer("library").start_span("request").end()
        await self.start_ttfb_metrics()
        await self.push_frame(LLMTextFrame("Hi "))
        await self.stop_ttfb_metrics()
        word = context.get_messages()[-1]["content"]
        if word == "fail":
            raise ValueError("no answer")
        if word == "wait":
            await asyncio.Event().wait()
        usage = LLMTokenUsage(
            prompt_tokens=5, completion_tokens=6, total_tokens=11, cache_read_input_tokens=3
        )
        await self.start_llm_usage_metrics(usage)
        await self.push_frame(LLMTextFrame("there."))


class Mouth(TTSService):
    """Speaks a sentence as one chunk."""

    def __init__(self) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=24_000,
            settings=TTSSettings(model="mouth-1", voice="voice-1", language=None),
        )

    def can_generate_metrics(self) -> bool:
        return True

    @traced_tts
    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        if "silent" in text:
            await asyncio.Event().wait()
        yield TTSAudioRawFrame(b"\x10\x20" * 2400, 24_000, 1, context_id=context_id)


async def traced(*processors: FrameProcessor, frames: list[Frame], **options: Any) -> None:
    """Run frames through a traced task, each when the one before has passed."""
    options.setdefault("enable_tracing", True)
    options.setdefault("params", MEASURED)
    out = Recorder()
    task = task_of(*processors, out, **options)
    async with running(task) as run:
        if task.turn_trace_observer is not None:
            await until(lambda: task.turn_trace_observer.get_current_turn_context() is not None)
        for frame in frames:
            await task.queue_frame(frame)
        await task.queue_frame(EndFrame())
        await within(run)


def audio(text: str) -> InputAudioRawFrame:
    return InputAudioRawFrame(text.encode(), 16_000, 1)


def asked(text: str) -> LLMContextFrame:
    return LLMContextFrame(LLMContext([{"role": "user", "content": text}]))


# ---- speech to text


async def test_a_stretch_of_speech_is_a_span_from_its_beginning_on(spans: Any):
    began = VADUserStartedSpeakingFrame(start_secs=0.2, timestamp=1000.0)
    over = VADUserStoppedSpeakingFrame(stop_secs=0.1)
    await traced(Ear(), frames=[began, audio("it is"), over, audio("it is late."), audio("bye.")])
    late, bye = spans("stt")
    assert spans.parent(late) is spans.one("turn")
    assert late.start_time == 999_800_000_000
    told = dict(late.attributes)
    assert told.pop("metrics.ttfb") >= 0.1
    assert told == {
        "gen_ai.provider.name": "ear",
        "gen_ai.request.model": "ear-1",
        "gen_ai.operation.name": "stt",
        "settings.model": "ear-1",
        "vad_enabled": False,
        "transcript": "it is late.",  # the second takes up the first
        "is_final": True,
        "user_id": "user-1",
        "metrics.audio_seconds": 1.5,
    }
    # What was whispered, and no voice activity detected, begins when it is understood.
    assert bye.start_time > late.end_time and bye.attributes["transcript"] == "bye."
    assert "metrics.ttfb" not in bye.attributes


async def test_segments_of_an_utterance_are_joined(spans: Any):
    await traced(Ear(), frames=[audio("one"), audio("two"), audio("three.")])
    assert spans.one("stt").attributes["transcript"] == "one two three."


async def test_speech_that_is_never_final_ends_with_the_turn(spans: Any):
    frames = [
        VADUserStartedSpeakingFrame(),
        audio("well"),
        VADUserStoppedSpeakingFrame(stop_secs=0.1),
        audio("well then"),
        UserStoppedSpeakingFrame(),
    ]
    await traced(Ear(), frames=frames)
    measured = spans.one("stt")
    assert measured.attributes["metrics.ttfb"] >= 0.1
    assert measured.attributes["is_final"] is False
    assert "stt.incomplete" not in measured.attributes


async def test_speech_that_is_never_measured_is_incomplete(spans: Any):
    await traced(Ear(), frames=[audio("well"), UserStoppedSpeakingFrame()])
    assert spans.one("stt").attributes["stt.incomplete"] is True


# ---- language models


async def test_an_answer_is_a_span(spans: Any):
    mind = Mind(system_instruction="Be kind.", temperature=0.5, max_tokens=None)
    await traced(mind, frames=[asked("hello")])
    span = spans.one("llm")
    assert spans.parent(span) is spans.one("turn")
    assert spans.parent(spans.one("request")) is span
    told = dict(span.attributes)
    assert told.pop("metrics.ttfb") >= 0
    assert json.loads(told.pop("input")) == [{"role": "user", "content": "hello"}]
    assert told == {
        "gen_ai.provider.name": "mind",
        "gen_ai.request.model": "mind-1",
        "gen_ai.operation.name": "chat",
        "gen_ai.output.type": "text",
        "gen_ai.system_instructions": "Be kind.",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": "NOT_GIVEN",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 6,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "param.model": "mind-1",
        "param.use_provider_thinking_default": False,
        "stream": True,
        "output": "Hi there.",
    }


async def test_an_answer_that_fails_is_told_with_what_was_said(spans: Any):
    await traced(Mind(), frames=[asked("fail")])
    span = spans.one("llm")
    assert span.attributes["output"] == "Hi "
    assert span.status.status_code is StatusCode.ERROR and "no answer" in span.status.description
    assert [event.name for event in span.events] == ["exception"]


async def test_an_answer_that_is_cut_short_ends_its_span(spans: Any):
    out = Recorder()
    task = task_of(Mind(), out, enable_tracing=True)
    async with running(task) as run:
        await task.queue_frame(asked("wait"))
        await out.wait_for(LLMTextFrame)
        await task.queue_frame(InterruptionFrame())
        await task.queue_frame(EndFrame())
        await within(run)
    assert spans.one("llm").attributes["output"] == "Hi "


async def test_the_instruction_may_stand_in_the_context(spans: Any):
    parts = [
        {"type": "text", "text": "Be"},
        IMAGE,
        {"type": "text", "text": "kind."},
    ]
    for content in ("Be kind.", parts):
        context = LLMContext([{"role": "system", "content": content}])
        context.add_message({"role": "user", "content": "hello"})
        await traced(Mind(), frames=[LLMContextFrame(context)])
    told = {span.attributes["gen_ai.system_instructions"] for span in spans("llm")}
    assert told == {"Be kind."}


# ---- text to speech


async def test_a_request_to_speak_is_a_span_over_its_sentences(spans: Any):
    answer = [LLMFullResponseStartFrame(), LLMTextFrame("Hi there. "), LLMTextFrame("How are you?")]
    await traced(Mouth(), frames=[*answer, LLMFullResponseEndFrame(), TTSSpeakFrame("Bye.")])
    spoken, bye = spans("tts")
    assert spans.parent(spoken) is spans.one("turn")
    told = dict(spoken.attributes)
    assert told.pop("metrics.ttfb") >= 0
    assert told == {
        "gen_ai.provider.name": "mouth",
        "gen_ai.request.model": "mouth-1",
        "gen_ai.operation.name": "tts",
        "gen_ai.output.type": "speech",
        "voice_id": "voice-1",
        "settings.model": "mouth-1",
        "settings.voice": "voice-1",
        "text": "Hi there. How are you?",
        "metrics.character_count": len("Hi there.How are you?"),
    }
    assert bye.attributes["text"] == "Bye."


async def test_a_request_that_is_interrupted_says_so(spans: Any):
    mouth = Mouth()
    out = Recorder()
    task = task_of(mouth, out, enable_tracing=True)
    async with running(task) as run:
        await task.queue_frame(TTSSpeakFrame("A silent one."))
        await until(mouth.has_active_audio_context)
        await task.queue_frame(InterruptionFrame())
        await task.queue_frame(EndFrame())
        await within(run)
    span = spans.one("tts")
    assert span.attributes["tts.interrupted"] is True and span.attributes["text"] == "A silent one."


async def test_a_request_that_is_cancelled_ends_its_span(spans: Any):
    mouth = Mouth()
    task = task_of(mouth, enable_tracing=True)
    async with running(task) as run:
        await task.queue_frame(TTSSpeakFrame("A silent one."))
        await until(mouth.has_active_audio_context)
        await task.cancel()
        await within(run)
    assert "tts.interrupted" not in spans.one("tts").attributes


# ---- all


async def test_without_turns_spans_stand_alone(spans: Any):
    await traced(Mind(), frames=[asked("hello")], enable_turn_tracking=False)
    assert spans.one("llm").parent is None and not spans("conversation")


async def test_services_of_a_task_that_is_not_traced_record_nothing(spans: Any):
    frames = [audio("hello."), asked("hello"), TTSSpeakFrame("hello")]
    await traced(Ear(), Mind(), Mouth(), frames=frames, enable_tracing=False)
    assert [span.name for span in spans()] == ["request"]  # the library's own


async def test_tracing_that_fails_stops_no_service(spans: Any, caplog: pytest.LogCaptureFixture):
    class Sealed(LLMContext):
        def get_messages(self, *args: Any, **kwargs: Any) -> list[Any]:
            if kwargs:  # asked by what describes the span
                raise RuntimeError("not yours")
            return super().get_messages(*args, **kwargs)

    context = Sealed([{"role": "user", "content": "hello"}])
    await traced(Mind(), frames=[LLMContextFrame(context)])
    assert spans.one("llm").attributes["output"] == "Hi there."
    assert "not yours" in caplog.text


# ---- services that listen and speak themselves


class Live:
    """The names that a realtime service is read by."""

    def __init__(self, **known: Any) -> None:
        self._tracing_enabled = True
        self.__dict__.update(known)

    @traced_gemini_live("llm_tool_result")
    async def result(self, *args: Any) -> str:
        return "done"

    @traced_gemini_live("llm_response")
    async def gemini_answer(self, message: Any) -> None: ...

    @traced_gemini_live("llm_tool_call")
    async def gemini_call(self, message: Any) -> None: ...

    @traced_gemini_live("llm_setup")
    async def gemini_setup(self) -> None: ...

    @traced_openai_realtime("llm_setup")
    async def openai_setup(self) -> None: ...

    @traced_openai_realtime("llm_request")
    async def openai_request(self) -> None: ...

    @traced_openai_realtime("llm_response")
    async def openai_answer(self, event: Any) -> None: ...


TOOL = SimpleNamespace(name="look", description="Looks.", properties={"at": {}}, required=["at"])


async def test_gemini_live_tells_its_operations(spans: Any):
    live = Live(
        _tools=SimpleNamespace(standard_tools=[TOOL]), model_name="g-1", _voice_id="v",
        _bot_text_buffer="", _llm_output_buffer="Hello.",
    )  # fmt: skip
    await live.gemini_setup()
    call = SimpleNamespace(name="look", id="c1", args={"at": "me"})
    await live.gemini_call(SimpleNamespace(tool_call=SimpleNamespace(function_calls=[call])))
    assert await live.result("c1", "look", {"error": "blind"}) == "done"
    usage = SimpleNamespace(
        prompt_token_count=10, tool_use_prompt_token_count=None, response_token_count=4,
        thoughts_token_count=2, cached_content_token_count=None, cache_tokens_details=None,
        prompt_tokens_details=[
            SimpleNamespace(modality=SimpleNamespace(value="AUDIO"), token_count=7)
        ],
        response_tokens_details=[],
    )  # fmt: skip
    over = SimpleNamespace(usage_metadata=usage, server_content=SimpleNamespace(turn_complete=True))
    await live.gemini_answer(over)
    setup, called, result, answer = (dict(span.attributes) for span in spans())
    assert setup["gen_ai.provider.name"] == "gcp.gemini" and setup["voice_id"] == "v"
    assert setup["gen_ai.request.model"] == "g-1" and setup["tools.names"] == "look"
    assert json.loads(setup["tools.definitions"])[0]["required"] == ["at"]
    assert (called["tool.arguments"], called["tool.calls_count"]) == ('{"at": "me"}', 1)
    assert (result["tool.result_status"], result["tool.call_id"]) == ("error", "c1")
    assert (answer["output"], answer["output_modality"]) == ("Hello.", "AUDIO")
    assert answer["turn_complete"] is True
    usage_told = {k: v for k, v in answer.items() if k.startswith("gen_ai.usage")}
    assert usage_told == {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 6,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "gen_ai.usage.audio.input_tokens": 7,
    }


async def test_openai_realtime_tells_its_operations(spans: Any):
    properties = {
        "instructions": "Be kind.",
        "temperature": 0.5,
        "turn_detection": {"type": "server_vad", "threshold": 0.5},
        "tools": [{"type": "function", "name": "look"}],
    }
    live = Live(_session_properties=SimpleNamespace(**properties), model_name="o-1")
    await live.openai_setup()
    await live.openai_request()
    spoken = SimpleNamespace(transcript="Hello. ")
    response = SimpleNamespace(
        id="r1",
        status="completed",
        usage=SimpleNamespace(
            input_tokens=9,
            output_tokens=3,
            input_token_details=SimpleNamespace(
                cached_tokens=4, audio_tokens=5, cached_tokens_details=None
            ),
            output_token_details=SimpleNamespace(audio_tokens=2),
        ),
        output=[
            SimpleNamespace(type="message", role="assistant", content=[spoken]),
            SimpleNamespace(type="function_call", name="look", call_id="c", arguments="{}"),
        ],
    )
    await live.openai_answer(SimpleNamespace(response=response))
    setup, _, answer = (dict(span.attributes) for span in spans())
    assert setup["session.temperature"] == 0.5 and setup["instructions"] == "Be kind."
    assert setup["session.turn_detection.enabled"] is True
    assert setup["session.turn_detection.threshold"] == 0.5
    assert (setup["tools.count"], setup["tools.names"]) == (1, "look")
    assert answer["output"] == "Hello." and answer["response.status"] == "completed"
    assert answer["function_calls.count"] == 1
    assert answer["function_calls.all_names"] == "look"
    assert answer["gen_ai.usage.cache_read.input_tokens"] == 4
    assert answer["gen_ai.usage.audio.output_tokens"] == 2


async def test_an_operation_that_fails_is_told(spans: Any):
    class Broken(Live):
        @traced_openai_realtime("llm_request")
        async def openai_request(self) -> None:
            raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        await Broken().openai_request()
    assert spans.one("llm_request").status.status_code is StatusCode.ERROR


async def test_operations_of_a_service_that_is_not_traced_record_nothing(spans: Any):
    live = Live()
    live._tracing_enabled = False
    assert await live.result("c", "look", {}) == "done"
    await live.openai_setup()
    assert not spans()
