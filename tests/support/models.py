"""Language models that say what they are told to."""

from typing import Any

from pipecat_rs.frames.frames import (
    Frame,
    FunctionCallFromLLM,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService

Answer = str | list[tuple[str, dict[str, Any]]]
"""What a model says, or the functions that it calls."""


class ScriptedModel(LLMService):
    """Gives its answers one after the other, and then says "yes".

    `contexts` has the messages of each conversation that it was given.
    """

    def __init__(self, *answers: Answer) -> None:
        super().__init__()
        self.answers = list(answers)
        self.contexts: list[list[Any]] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        self.contexts.append(list(frame.context.get_messages()))
        answer = self.answers.pop(0) if self.answers else "yes"
        await self.push_frame(LLMFullResponseStartFrame())
        if isinstance(answer, str):
            await self.push_frame(LLMTextFrame(answer))
        else:
            number = len(self.contexts)
            await self.run_function_calls(
                [
                    FunctionCallFromLLM(name, f"{number}-{at}", arguments, frame.context)
                    for at, (name, arguments) in enumerate(answer)
                ]
            )
        await self.push_frame(LLMFullResponseEndFrame())
