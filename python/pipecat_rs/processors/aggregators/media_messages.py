"""Images and files in a context: the user's, those that a function has asked for, the model's."""

from __future__ import annotations

from typing import Any

from pipecat_rs.frames.frames import AssistantImageRawFrame, UserFileRawFrame, UserImageRawFrame
from pipecat_rs.processors.aggregators.function_call_messages import FunctionCallMessages
from pipecat_rs.processors.aggregators.llm_context_aggregator import LLMContextAggregator
from pipecat_rs.processors.frame_processor import FrameDirection


class MediaMessages(LLMContextAggregator):
    """Base of the assistant's side, which writes images and files behind what was said so far."""

    def __init__(self, **kwargs: Any) -> None:
        """Make an aggregator.

        Args:
            **kwargs: For `LLMContextAggregator`.
        """
        super().__init__(**kwargs)
        self._function_calls = FunctionCallMessages(self._context)
        self._function_call_images: dict[str, UserImageRawFrame] = {}

    async def _write_aggregation(self) -> str:
        """Write what was gathered, and push nothing: the turn may go on."""
        if not self._aggregation:
            return ""
        text = self.aggregation_string()
        await self.reset()
        self._context.add_message({"role": self.role, "content": text})
        return text

    async def _handle_user_image(self, frame: UserImageRawFrame) -> None:
        request = frame.request
        if (
            request
            and request.tool_call_id
            and request.tool_call_id in self._function_calls.running
        ):
            # It joins the context with the result of the call, which it completes.
            self._function_call_images[request.tool_call_id] = frame
            if request.result_callback:
                await request.result_callback(None)
            return
        await self._write_aggregation()
        if await self._write_image(frame) and frame.run_llm is not False:
            await self.push_context_frame(FrameDirection.UPSTREAM)

    async def _write_image(self, frame: UserImageRawFrame) -> bool:
        if not frame.append_to_context:
            return False
        await self._context.add_image_frame_message(
            format=frame.format or "RGB", size=frame.size, image=frame.image, text=frame.text
        )
        return True

    async def _handle_user_file(self, frame: UserFileRawFrame) -> None:
        if not frame.append_to_context:
            return
        # Ahead of the file: one that a provider refuses is looked for behind the last answer.
        await self._write_aggregation()
        await self._context.add_file_frame_message(
            type=frame.type,
            format=frame.format,
            file=frame.file,
            text=frame.text,
            name=frame.filename,
        )
        if frame.run_llm is not False:
            await self.push_context_frame(FrameDirection.UPSTREAM)

    async def _handle_assistant_image(self, frame: AssistantImageRawFrame) -> None:
        # As it was made, if that is known.
        as_made = frame.original_mime_type if frame.original_data else None
        await self._context.add_image_frame_message(
            format=as_made or frame.format or "RGB",
            size=frame.size,
            image=(frame.original_data or frame.image) if as_made else frame.image,
            role="assistant",
        )
