"""Language models: settings, functions and their ends."""

import asyncio

import pytest
from pipecat_rs.adapters.llm.schemas.direct_function import tool_options
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.frames.frames import (
    ErrorFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallResultProperties,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    LLMConfigureOutputFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMServiceMetadataFrame,
    LLMTextFrame,
    LLMUpdateSettingsFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.services.settings import LLMSettings
from support.passage import kinds, passage, passed
from support.waiting import calls_of, until


class Model(LLMService):
    """Calls the functions it is told to, or answers with "Hello."."""

    handles = LLMService.handles

    def __init__(self, *calls: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.calls = list(calls)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        if self.calls:
            calls, self.calls = self.calls, []
            await self.run_function_calls(
                [
                    FunctionCallFromLLM(name, str(number), {"x": number}, frame.context)
                    for number, name in enumerate(calls)
                ]
            )
        else:
            await self._push_llm_text("Hello.")
        await self.push_frame(LLMFullResponseEndFrame())


def ask(context: LLMContext | None = None) -> LLMContextFrame:
    return LLMContextFrame(context=context or LLMContext())


async def test_it_says_what_it_is():
    down, _ = await passed(Model(), frames=[])
    assert [f.is_realtime_service for f in down if isinstance(f, LLMServiceMetadataFrame)] == [
        False
    ]


@pytest.mark.parametrize("skip", [None, True])
async def test_whether_it_is_spoken_is_written_on_the_answer(skip):
    frames = [] if skip is None else [LLMConfigureOutputFrame(skip_tts=skip)]
    down, _ = await passed(Model(), frames=[*frames, ask()])
    parts = (LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame)
    assert [f.skip_tts for f in down if isinstance(f, parts)] == [skip] * 3


async def test_settings_are_changed():
    model = Model(settings=LLMSettings(model="m", temperature=1.0))
    await passed(model, frames=[LLMUpdateSettingsFrame(delta=LLMSettings(temperature=0.5))])
    assert model.settings.temperature == 0.5


async def test_a_function_is_run_and_its_result_told_both_ways():
    model = Model("add")
    seen = []

    async def add(params) -> None:
        seen.append(params)
        await params.result_callback({"sum": params.arguments["x"] + 1})

    model.register_function("add", add)
    started = calls_of(model, "on_function_calls_started")
    context = LLMContext()
    async with passage(model) as ways:
        await ways.send(ask(context))
        result = await ways.down.wait_for(FunctionCallResultFrame)
        await ways.up.wait_for(FunctionCallResultFrame)
        await ways.end()
    assert result.result == {"sum": 1}
    assert [k for k in kinds(ways.went_down()) if k.__name__.startswith("Function")] == [
        FunctionCallsStartedFrame,
        FunctionCallInProgressFrame,
        FunctionCallResultFrame,
    ]
    assert seen[0].context is context
    assert seen[0].llm is model
    assert seen[0].pipeline_worker is ways.task
    assert [call.function_name for call in started[0][0]] == ["add"]


async def test_functions_come_and_go_with_the_tools_of_the_context():
    async def weather(params, city: str = "Rome") -> None:
        """Tell the weather."""
        await params.result_callback(city)

    async def other(params) -> None:
        await params.result_callback("other")

    model = Model()
    tools = [weather, FunctionSchema("other", "", {}, [], handler=other)]
    async with passage(model) as ways:
        await ways.send(ask(LLMContext(tools=tools)))
        await ways.down.wait_for(LLMFullResponseEndFrame)
        assert model.has_function("weather") and model.has_function("other")
        await ways.send(ask())
        await ways.down.wait_for(LLMFullResponseEndFrame, count=2)
        assert not model.has_function("weather")
        await ways.end()


async def test_a_function_that_describes_itself_is_called_with_its_arguments():
    async def double(params, x: int) -> None:
        await params.result_callback(x * 2)

    model = Model("double", "double")
    model.register_direct_function(double)
    async with passage(model) as ways:
        await ways.send(ask())
        await ways.down.wait_for(FunctionCallResultFrame, count=2)
        await ways.end()
    assert sorted(f.result for f in ways.down.frames(FunctionCallResultFrame)) == [0, 2]
    groups = {f.group_id for f in ways.down.frames(FunctionCallInProgressFrame)}
    assert len(groups) == 1 and None not in groups


async def test_an_unknown_function_is_answered():
    async with passage(Model("nothing")) as ways:
        await ways.send(ask())
        result = await ways.down.wait_for(FunctionCallResultFrame)
        await ways.end()
    assert "nothing" in result.result


async def test_a_function_that_fails_is_an_error_and_has_a_result():
    async def fail(params) -> None:
        raise ValueError("no such city")

    model = Model("fail")
    model.register_function(None, fail)
    async with passage(model) as ways:
        await ways.send(ask())
        result = await ways.down.wait_for(FunctionCallResultFrame)
        error = await ways.up.wait_for(ErrorFrame)
        await ways.end()
    assert "no such city" in error.error
    assert result.error == "ValueError: no such city"


async def test_an_interruption_cancels_what_it_may():
    ends = []

    async def wait(params) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append(params.function_name)
            await params.result_callback("too late")
            raise

    @tool_options(cancel_on_interruption=False)
    async def patient(params) -> None:
        await go.wait()
        await params.result_callback("done")

    go = asyncio.Event()
    model = Model("wait", "patient")
    model.register_function("wait", wait)
    model.register_function("patient", patient)
    cancelled = calls_of(model, "on_function_calls_cancelled")
    async with passage(model) as ways:
        await ways.send(ask())
        await ways.down.wait_for(FunctionCallInProgressFrame, count=2)
        await ways.send(InterruptionFrame())
        frame = await ways.down.wait_for(FunctionCallCancelFrame)
        go.set()
        result = await ways.down.wait_for(FunctionCallResultFrame)
        await ways.end()
    assert (frame.function_name, ends) == ("wait", ["wait"])
    assert (result.function_name, result.result) == ("patient", "done")
    assert kinds(ways.went_down()).count(FunctionCallResultFrame) == 1, "late results are refused"
    assert [c.function_name for c in cancelled[0][0]] == ["wait"]


async def test_a_call_that_takes_too_long_is_cancelled_and_the_model_told():
    async def wait(params) -> None:
        await asyncio.Event().wait()

    model = Model("wait", function_call_timeout_secs=3600)
    model.register_function("wait", wait, timeout_secs=0.01)
    async with passage(model) as ways:
        await ways.send(ask())
        frame = await ways.down.wait_for(FunctionCallCancelFrame)
        await ways.end()
    assert frame.run_llm


async def test_partial_results_need_a_conversation_that_goes_on(caplog):
    partial = FunctionCallResultProperties(is_final=False)

    async def report(params) -> None:
        await params.result_callback("half", properties=partial)
        await params.result_callback("whole")

    model = Model("waits", "goes_on")
    model.register_function("waits", report)
    model.register_function("goes_on", report, cancel_on_interruption=False)
    async with passage(model) as ways:
        await ways.send(ask())
        await ways.down.wait_for(FunctionCallResultFrame, count=3)
        await ways.end()
    results = [(f.function_name, f.result) for f in ways.down.frames(FunctionCallResultFrame)]
    assert sorted(results) == [("goes_on", "half"), ("goes_on", "whole"), ("waits", "whole")]
    assert "cancel_on_interruption=False" in caplog.text


async def test_one_after_another_if_wanted():
    running, most = 0, 0

    async def count(params) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        await params.result_callback("done")

    model = Model("count", "count", "count", run_in_parallel=False)
    model.register_function("count", count)
    async with passage(model) as ways:
        await ways.send(ask())
        await ways.down.wait_for(FunctionCallResultFrame, count=3)
        await ways.end()
    assert most == 1


async def test_the_end_of_the_session_leaves_no_call_running():
    entered, left = asyncio.Event(), []

    async def wait(params) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.append(True)

    model = Model("wait")
    model.register_function("wait", wait)
    async with passage(model) as ways:
        await ways.send(ask())
        await entered.wait()
        await ways.task.cancel()
    await until(lambda: left == [True])
