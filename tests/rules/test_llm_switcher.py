"""Engine rule 85: the LLM switcher."""

from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    Frame,
    LLMContextFrame,
    ManuallySwitchServiceFrame,
)
from pipecat_rs.pipeline.llm_switcher import LLMSwitcher
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import FunctionCallParams, LLMService
from pipecat_rs.testing import Recorder, running
from support.tasks import task_of
from support.waiting import calls_of


class Llm(Recorder):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.functions: dict[str | None, Any] = {}

    def register_function(self, function_name: str | None, handler: Any, **_: Any) -> None:
        self.functions[function_name] = handler

    async def run_inference(self, context: Any, **_: Any) -> str:
        return f"{self.name} on {context}"


async def test_r085_llm_switcher_registers_on_all_and_infers_with_the_active_one():
    llms = [Llm(name="one"), Llm(name="other")]
    switcher = LLMSwitcher(llms)
    below = Recorder()

    async def handler(_params: Any) -> None: ...

    switcher.register_function("look_up", handler)
    assert switcher.llms == llms
    assert all(llm.functions == {"look_up": handler} for llm in llms)
    task = task_of(switcher, below)
    async with running(task):
        assert switcher.active_llm is llms[0]
        assert await switcher.run_inference("context") == "one on context"
        switched = calls_of(switcher.strategy, "on_service_switched")
        await task.queue_frame(ManuallySwitchServiceFrame(service=llms[1]))
        await switched.wait()
        assert await switcher.run_inference("context") == "other on context"


class Model(LLMService):
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


async def test_r085_functions_of_a_context_are_known_to_members_that_are_not_active():
    async def look_up(params: FunctionCallParams, word: str) -> None:
        """Look a word up.

        Args:
            word: The word.
        """

    llms = [Model(), Model()]
    below = Recorder()
    async with running(task_of(LLMSwitcher(llms), below)):
        context = LLMContext(tools=[look_up])
        await llms[0].pipeline_worker.queue_frame(LLMContextFrame(context))
        await below.wait_for(LLMContextFrame)
        assert [llm.has_function("look_up") for llm in llms] == [True, True]


async def test_r085_direct_functions_are_registered_on_all():
    async def look_up(params: FunctionCallParams, word: str) -> None:
        """Look a word up.

        Args:
            word: The word.
        """

    llms = [Model(), Model()]
    switcher = LLMSwitcher(llms)
    switcher.register_direct_function("look_up", look_up)  # as the document has it
    switcher.register_direct_function(handler=look_up)
    assert [llm.has_function("look_up") for llm in llms] == [True, True]
    with pytest.raises(TypeError, match="needs a function"):
        switcher.register_direct_function("look_up")
