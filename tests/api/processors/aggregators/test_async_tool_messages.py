"""Functions that run while the conversation goes on, as the model is told of them."""

import pytest
from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat_rs.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat_rs.frames.frames import Frame, LLMContextFrame, LLMSetToolsFrame
from pipecat_rs.processors.aggregators import async_tool_messages
from pipecat_rs.processors.aggregators.async_tool_messages import ASYNC_TOOL_INSTRUCTIONS
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.services.settings import LLMSettings
from support.passage import passed


class Silent(LLMService):
    """Answers nothing, and passes everything on."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


async def handler(params) -> None:
    await params.result_callback("done")


@pytest.mark.parametrize("lasting", [True, False])
async def test_the_model_is_told_what_to_do_with_late_results_if_there_may_be_any(lasting):
    model = Silent(settings=LLMSettings(system_instruction="Be kind."))
    model.register_function("report", handler, cancel_on_interruption=not lasting)
    await passed(model, frames=[LLMContextFrame(context=LLMContext())])

    told = f"Be kind.\n\n{ASYNC_TOOL_INSTRUCTIONS}" if lasting else "Be kind."
    assert model.settings.system_instruction == told


def test_messages_are_read_as_they_were_written():
    for message, kind, result in [
        (async_tool_messages.build_started_message("1"), "started", None),
        (async_tool_messages.build_intermediate_result_message("1", '"a"'), "intermediate", '"a"'),
        (async_tool_messages.build_final_result_message("1", '"b"'), "final", '"b"'),
        (async_tool_messages.build_cancelled_message("1"), "final", "CANCELLED"),
    ]:
        payload = async_tool_messages.parse_message(message)
        assert payload is not None
        assert (payload.kind, payload.tool_call_id, payload.result) == (kind, "1", result)
    assert async_tool_messages.parse_message({"role": "user", "content": "{"}) is None


async def test_a_subclass_tells_of_functions_in_its_own_words():
    context = LLMContext()
    pair = LLMContextAggregatorPair(context, add_tool_change_messages=True)
    pair.user().TOOL_ACTIVATION_MESSAGE_TEMPLATE = "New: {function_names}"
    pair.user().TOOL_DEACTIVATION_MESSAGE_TEMPLATE = "Gone: {function_names}"
    look, go = (FunctionSchema(name, "", {}, []) for name in ("look", "go"))
    # At once: the assistant's side gets the first when the user's has taken over the second.
    frames = [LLMSetToolsFrame(tools=ToolsSchema([look])), LLMSetToolsFrame(tools=[go])]
    await passed(pair.user(), pair.assistant(), frames=frames)

    assert [m["content"] for m in context.messages] == ["New: `look`", "New: `go` Gone: `look`"]
