"""Engine rule 85: the LLM switcher."""

from typing import Any

from pipecat_rs.frames.frames import ManuallySwitchServiceFrame
from pipecat_rs.pipeline.llm_switcher import LLMSwitcher
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
