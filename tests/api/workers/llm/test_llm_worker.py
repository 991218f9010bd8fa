"""Workers around a language model: functions, what they queue, handing over, ending."""

import asyncio
from typing import Any

import pytest
from pipecat_rs.bus import BusActivateWorkerMessage, BusDeactivateWorkerMessage, BusEndMessage
from pipecat_rs.frames.frames import (
    LLMMessagesAppendFrame,
    LLMSetToolsFrame,
)
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import FunctionCallParams
from pipecat_rs.testing import Recorder
from pipecat_rs.workers.llm import LLMContextWorker, LLMWorker, LLMWorkerActivationArgs, tool
from support.frames import Data, tags
from support.models import ScriptedModel
from support.waiting import calls_of, settle, until, within
from support.workers import Listener, running_workers

Calls = list[tuple[str, dict[str, Any]]]


class Desk(LLMContextWorker):
    """What it does is noted, each step waiting to be let go if the test wants that."""

    def __init__(self, *answers: Calls, **options: Any) -> None:
        self.model = ScriptedModel(*answers)
        super().__init__("desk", llm=self.model, active=True, **options)
        self.entered, self.go = asyncio.Event(), asyncio.Event()
        self.go.set()

    @tool
    async def look(self, params: FunctionCallParams, at: str) -> None:
        """Look at something.

        Args:
            at: What to look at.
        """
        self.entered.set()
        await self.queue_frame(Data(f"queued by {at}"))
        await self.go.wait()
        await params.result_callback(f"a {at}")

    @tool(cancel_on_interruption=False, timeout_secs=60)
    async def close(self, params: FunctionCallParams) -> None:
        """Close the shop."""
        await params.result_callback("closed")
        await self.end(reason="closing")

    @tool
    async def hand_over(self, params: FunctionCallParams) -> None:
        """Hand over."""
        await params.result_callback("done")
        await self.activate_worker(
            "listener", args=LLMWorkerActivationArgs(run_llm=False), deactivate_self=True
        )

    async def ask(self) -> None:
        messages = [{"role": "user", "content": "Well?"}]
        await self.queue_frame(LLMMessagesAppendFrame(messages=messages, run_llm=True))


def of_data(worker: LLMWorker) -> Any:
    worker.set_reached_downstream_filter((Data,))
    return calls_of(worker, "on_frame_reached_downstream")


async def test_activation_shows_functions_and_adds_messages():
    class Sales(LLMWorker):
        @tool
        async def sell(self, params: FunctionCallParams) -> None:
            """Sell something."""

    out, model = Recorder(), ScriptedModel()
    sales = Sales("sales", llm=model, pipeline=Pipeline([model, out]))
    assert sales.llm is model and not sales.active and model.has_function("sell")
    async with running_workers(sales, other := Listener()):
        args = LLMWorkerActivationArgs(messages=[{"role": "user", "content": "Hi"}])
        await other.activate_worker("sales", args=args)
        await until(lambda: bool(out.frames(LLMMessagesAppendFrame)))
    (tools,) = out.frames(LLMSetToolsFrame)
    assert [shown.name for shown in tools.tools.standard_tools] == ["sell"]
    (messages,) = out.frames(LLMMessagesAppendFrame)
    assert messages.run_llm and messages.messages == args.messages


async def test_the_model_calls_its_methods():
    desk = Desk([("look", {"at": "table"})])
    data = of_data(desk)
    async with running_workers(desk):
        await desk.ask()
        await data.wait()
        await until(lambda: len(desk.model.contexts) == 2)
    results = [m for m in desk.model.contexts[-1] if m["role"] == "tool"]
    assert [m["content"] for m in results] == ['"a table"']
    assert isinstance(desk.context, LLMContext)
    assert desk.user_aggregator is not desk.assistant_aggregator


async def test_what_a_call_queues_is_held_until_no_call_runs():
    desk = Desk([("look", {"at": "table"})])
    desk.go.clear()
    data = of_data(desk)
    async with running_workers(desk):
        await desk.ask()
        await within(desk.entered.wait())
        await desk.queue_frame(Data("from elsewhere"))
        await data.wait()
        await settle()
        assert desk.tool_call_active and tags([frame for (frame,) in data]) == ["from elsewhere"]
        desk.go.set()
        await data.wait(2)
        assert not desk.tool_call_active
        assert data[1][0].tag == "queued by table"
        # Behind the result of the call, which the model has answered by then.
        assert len(desk.model.contexts) == 2


async def test_what_was_held_may_be_changed():
    class Changes(Desk):
        async def process_deferred_tool_frames(self, frames: Any) -> Any:
            seen.extend(frame.tag for frame, _ in frames)
            return [(Data("instead"), FrameDirection.DOWNSTREAM)]

    seen: list[str] = []
    desk = Changes([("look", {"at": "table"}), ("look", {"at": "chair"})])
    data = of_data(desk)
    async with running_workers(desk):
        await desk.ask()
        await data.wait()
    assert seen == ["queued by table", "queued by chair"]
    assert tags([frame for (frame,) in data]) == ["instead"]


async def test_nothing_is_held_if_told_so():
    desk = Desk([("look", {"at": "table"})], defer_tool_frames=False)
    desk.go.clear()
    data = of_data(desk)
    async with running_workers(desk):
        await desk.ask()
        await data.wait()
        assert desk.tool_call_active
        desk.go.set()


async def test_a_call_ends_the_session_behind_its_answer():
    desk, listener = Desk([("close", {})]), Listener()
    async with running_workers(listener, desk):
        await desk.ask()
        asked = await listener.wait_for(BusEndMessage)
        assert (asked.source, asked.reason) == ("desk", "closing")
        await within(desk.wait())
    assert desk.context.get_messages()[-1] == {"role": "assistant", "content": "yes"}


async def test_a_call_hands_over_when_it_is_done():
    desk, listener = Desk([("hand_over", {})]), Listener(active=True)
    async with running_workers(listener, desk):
        await desk.ask()
        message = await listener.wait_for(BusActivateWorkerMessage)
        assert message.args == {"run_llm": False}
        assert not desk.active and not desk.tool_call_active
        assert len(desk.model.contexts) == 2, "the result was answered before"
        assert listener.of(BusDeactivateWorkerMessage)


async def test_outside_of_calls_it_ends_and_hands_over_at_once():
    desk, listener = Desk(), Listener()
    async with running_workers(listener, desk):
        await desk.activate_worker("listener")
        await listener.wait_for(BusActivateWorkerMessage)
        await desk.end(reason="enough")
        await within(desk.wait())


async def test_messages_before_the_end_are_answered():
    desk, listener = Desk(), Listener()
    results: list[Any] = []

    async def result_callback(result: Any, *, properties: Any) -> None:
        results.append((result, properties.run_llm, len(desk.model.contexts)))

    async with running_workers(listener, desk):
        with pytest.warns(DeprecationWarning, match="result_callback"):
            await desk.end(
                messages=[{"role": "system", "content": "Say goodbye."}],
                result_callback=result_callback,
            )
        await within(desk.wait())
    assert results == [(None, False, 1)]


async def test_the_older_name_of_the_time_limit():
    with pytest.warns(DeprecationWarning, match="timeout_secs"):

        @tool(timeout=5)
        async def late(params: FunctionCallParams) -> None:
            """Be late."""

    marked: Any = late
    assert marked._pipecat_timeout_secs == 5


def test_an_override_without_the_mark_is_no_function():
    class Plain(Desk):
        async def look(self, params: FunctionCallParams, at: str) -> None: ...

    plain = Plain()
    assert not plain.model.has_function("look") and plain.model.has_function("close")
    assert [method.__name__ for method in plain.build_tools()] == ["close", "hand_over"]
