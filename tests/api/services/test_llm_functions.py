"""Functions of language models: shown, cancelled by the model, taken away, cleaned up."""

import asyncio
from typing import Any

import pytest
from pipecat_rs.adapters.llm.schemas.direct_function import tool_options
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.adapters.llm.services.anthropic_adapter import AnthropicLLMAdapter
from pipecat_rs.frames.frames import (
    ErrorFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import FunctionCallParams, LLMService
from pipecat_rs.services.settings import LLMSettings
from pipecat_rs.utils.async_tool_cancellation import ASYNC_TOOL_CANCELLATION_INSTRUCTIONS
from support.passage import passage, passed
from support.waiting import calls_of


class Model(LLMService):
    """Calls what it is told to, one answer after the other."""

    handles = LLMService.handles

    def __init__(self, *answers: list[tuple[str, dict[str, Any]]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answers = list(answers)
        self.made = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        calls = []
        for name, arguments in self.answers.pop(0) if self.answers else []:
            self.made += 1
            calls.append(FunctionCallFromLLM(name, str(self.made), arguments, frame.context))
        await self.run_function_calls(calls)
        await self.push_frame(LLMFullResponseEndFrame())


def ask(*tools: Any) -> LLMContextFrame:
    return LLMContextFrame(LLMContext(tools=[*tools]))


async def done(params: FunctionCallParams) -> None:
    await params.result_callback("done")


async def forever(params: FunctionCallParams) -> None:
    await asyncio.Event().wait()


def shown(llm: LLMService) -> list[str]:
    return list(llm.get_llm_adapter().builtin_tools)


# ---- shown to the model


def test_a_description_or_parameters_show_a_function_to_the_model():
    llm = Model()
    llm.register_function("a", done)
    llm.register_function("b", done, "Does it.")
    llm.register_function("c", done, properties={})
    llm.register_function(None, done)
    assert shown(llm) == ["b", "c"]
    llm.unregister_function("b")
    assert shown(llm) == ["c"]
    with pytest.raises(ValueError, match="needs a name"):
        llm.register_function(None, done, "Does it.")


@pytest.mark.parametrize("handler", [None, "done", 3])
def test_a_handler_that_cannot_be_called_is_refused(handler):
    llm = Model()
    with pytest.raises(TypeError, match=r"Model.*'a'.*async function"):
        llm.register_function("a", handler)


def test_a_function_that_describes_itself_has_the_name_it_is_given():
    async def look(params: FunctionCallParams, at: str) -> None:
        """Look at something."""

    llm = Model()
    llm.register_direct_function(look)
    llm.register_direct_function("stare", look)
    assert shown(llm) == ["stare"]
    assert llm.has_function("look") and llm.has_function("stare")
    described = llm.get_llm_adapter().builtin_tools["stare"]
    assert (described.description, described.required) == ("Look at something.", ["at"])
    with pytest.raises(TypeError, match="needs a function"):
        llm.register_direct_function("stare")


async def test_a_handler_that_is_not_async_is_an_error_with_a_remedy():
    model = Model([("a", {})])
    model.register_function("a", lambda params: None)
    async with passage(model) as ways:
        await ways.send(ask())
        result = await ways.down.wait_for(FunctionCallResultFrame)
        error = await ways.up.wait_for(ErrorFrame)
        await ways.end()
    assert str(model) in error.error and "async def" in error.error
    assert "`a` failed" in result.result


async def test_what_the_model_gets_for_a_function_that_is_not_there_can_be_changed(caplog):
    class Terse(Model):
        handles = Model.handles
        MISSING_FUNCTION_CALL_MESSAGE_TEMPLATE = "no {function_name}"

    model = Terse([("unknown", {})], [("shown", {})])
    async with passage(model) as ways:
        await ways.send(ask())
        await ways.send(ask(FunctionSchema("shown", "", {}, [])))
        await ways.down.wait_for(FunctionCallResultFrame, count=2)
        await ways.end()
    results = [frame.result for frame in ways.down.frames(FunctionCallResultFrame)]
    assert results == ["no unknown", "no shown"]
    levels = {r.levelname for r in caplog.records if "nothing handles it" in r.message}
    assert levels == {"ERROR"}, "a function that is shown and not handled is the developer's error"


# ---- taken away


async def test_what_was_taken_away_by_name_stays_away_as_long_as_it_is_shown():
    async def look(params: FunctionCallParams) -> None: ...

    model = Model()
    async with passage(model) as ways:
        await ways.send(ask(look))
        await ways.down.wait_for(LLMFullResponseEndFrame)
        model.unregister_function("look")
        await ways.send(ask(look))
        await ways.down.wait_for(LLMFullResponseEndFrame, count=2)
        assert not model.has_function("look")
        await ways.send(ask(), ask(look))
        await ways.down.wait_for(LLMFullResponseEndFrame, count=4)
        assert model.has_function("look")
        await ways.end()


# ---- cancelled by the model


async def test_the_model_cancels_the_one_call_that_runs():
    model = Model([("report", {})], [("cancel_report", {})])
    model.register_function(
        "report", forever, cancel_on_interruption=False, cancellable_by_llm=True
    )
    started = calls_of(model, "on_function_calls_started")
    async with passage(model) as ways:
        await ways.send(ask())
        await ways.down.wait_for(FunctionCallInProgressFrame)
        assert shown(model) == ["cancel_report"]
        assert ASYNC_TOOL_CANCELLATION_INSTRUCTIONS in model.settings.system_instruction
        await ways.send(ask())
        cancelled = await ways.down.wait_for(FunctionCallCancelFrame)
        result = await ways.down.wait_for(FunctionCallResultFrame)
        await ways.end()
    assert cancelled.function_name == "report"
    assert result.result == {"cancelled": "1", "function_name": "report"}
    names = [call.function_name for (calls,) in started for call in calls]
    assert names == ["report"], "cancelling is no business of the user"


async def test_of_several_calls_the_model_has_to_name_one():
    model = Model(
        [("report", {"on": "a"}), ("report", {"on": "b"})],
        [("cancel_report", {})],
        [("cancel_report", {"tool_call_id": "9"})],
        [("cancel_report", {"tool_call_id": "2"})],
    )
    model.register_function(
        "report", forever, cancel_on_interruption=False, cancellable_by_llm=True
    )
    async with passage(model) as ways:
        for count in range(4):
            await ways.send(ask())
            if count == 0:
                await ways.down.wait_for(FunctionCallInProgressFrame, count=2)
            else:
                await ways.down.wait_for(FunctionCallResultFrame, count=count)
        await ways.end()
    which, unknown, stopped = (f.result for f in ways.down.frames(FunctionCallResultFrame))
    assert [call["arguments"] for call in which["running"]] == [{"on": "a"}, {"on": "b"}]
    assert which["cancelled"] is None and "tool_call_id" in which["reason"]
    assert unknown["cancelled"] is None and "no running call" in unknown["reason"]
    assert stopped == {"cancelled": "2", "function_name": "report"}


async def test_cancelling_functions_come_and_go_with_theirs():
    @tool_options(cancel_on_interruption=False, cancellable_by_llm=True)
    async def report(params: FunctionCallParams) -> None: ...

    model = Model(settings=LLMSettings(system_instruction="Be short."))
    async with passage(model) as ways:
        await ways.send(ask(report))
        await ways.down.wait_for(LLMFullResponseEndFrame)
        assert shown(model) == ["cancel_report"]
        with pytest.raises(ValueError, match="choose another name"):
            model.register_function("cancel_report", done)
        await ways.send(ask())
        await ways.down.wait_for(LLMFullResponseEndFrame, count=2)
        assert shown(model) == []
        assert model.settings.system_instruction == "Be short."
        await ways.end()


async def test_a_function_that_the_model_waits_for_cannot_be_cancelled_by_it(caplog):
    model = Model()
    model.register_function("report", done, cancellable_by_llm=True)
    await passed(model, frames=[ask()])
    assert shown(model) == []
    assert "cancel_on_interruption=False" in caplog.text


async def test_a_function_of_the_user_s_keeps_its_name(caplog):
    model = Model()
    model.register_function("report", done, cancel_on_interruption=False, cancellable_by_llm=True)
    model.register_function("cancel_report", done)
    await passed(model, frames=[ask(), ask()])
    assert shown(model) == []
    assert caplog.text.count("rename one of them") == 1


# ---- instructions and the rest


async def test_what_is_added_to_the_instruction_survives_its_change():
    from pipecat_rs.frames.frames import LLMUpdateSettingsFrame

    model = Model(settings=LLMSettings(system_instruction="Be short."))
    model.append_system_instruction("Be kind.")
    assert model.settings.system_instruction == "Be short.\n\nBe kind."
    changed = LLMSettings(system_instruction="Be long.")
    await passed(model, frames=[LLMUpdateSettingsFrame(delta=changed)])
    assert model.settings.system_instruction == "Be long.\n\nBe kind."


async def test_handlers_are_cleaned_up_once_at_the_end(caplog):
    ends = []

    async def clean_up() -> None:
        ends.append(True)
        raise RuntimeError("already closed")

    async def first(params: FunctionCallParams) -> None: ...

    async def second(params: FunctionCallParams) -> None: ...

    first._pipecat_cleanup = second._pipecat_cleanup = clean_up  # type: ignore[attr-defined]
    model = Model()
    model.register_function("first", first)
    await passed(model, frames=[ask(second)])
    assert ends == [True]
    assert "already closed" in caplog.text


async def test_what_the_application_gave_has_a_former_name():
    params = FunctionCallParams("a", "1", {}, None, None, LLMContext(), done, app_resources="x")  # type: ignore[arg-type]
    with pytest.warns(DeprecationWarning, match="app_resources"):
        assert params.tool_resources == "x"


async def test_a_context_that_cannot_be_logged_is_answered_all_the_same(caplog):
    class OfAnthropic(Model):
        handles = Model.handles
        adapter_class = AnthropicLLMAdapter

    caplog.set_level("DEBUG", "pipecat_rs.services.llm_service")
    file = {"type": "file_url", "file": {"url": "https://a.example/b", "mime_type": "text/csv"}}
    context = LLMContext([{"role": "user", "content": [file]}])
    down, up = await passed(OfAnthropic(), frames=[LLMContextFrame(context)])
    assert [frame for frame in down if isinstance(frame, LLMFullResponseEndFrame)]
    assert not [frame for frame in up if isinstance(frame, ErrorFrame)]
    assert "was not fetched" in caplog.text


async def test_a_service_without_inference_says_so():
    with pytest.raises(NotImplementedError, match="Model"):
        await Model().run_inference(LLMContext())
