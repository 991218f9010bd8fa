"""What language models are asked and answer, in the log."""

from __future__ import annotations

import logging

from pipecat_rs.frames.function_call import FunctionCallInProgressFrame, FunctionCallResultFrame
from pipecat_rs.frames.llm import (
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat_rs.frames.text import LLMTextFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService

_logger = logging.getLogger(__name__)


class LLMLogObserver(BaseObserver):
    """Logs contexts, answers and function calls as they enter and leave language models."""

    handles = (
        LLMFullResponseStartFrame,
        LLMFullResponseEndFrame,
        LLMTextFrame,
        LLMContextFrame,
        FunctionCallInProgressFrame,
        FunctionCallResultFrame,
    )

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        if not isinstance(data.source, LLMService) and not isinstance(data.destination, LLMService):
            return
        at = data.timestamp / 1e9
        frame = data.frame
        match frame:
            case LLMFullResponseStartFrame():
                _logger.debug("%s → LLM START RESPONSE at %.2fs", data.source, at)
            case LLMFullResponseEndFrame():
                _logger.debug("%s → LLM END RESPONSE at %.2fs", data.source, at)
            case LLMTextFrame():
                _logger.debug("%s → LLM GENERATING: %r at %.2fs", data.source, frame.text, at)
            case LLMContextFrame():
                messages = frame.context.get_messages()
                _logger.debug("→ %s LLM CONTEXT: %s at %.2fs", data.destination, messages, at)
            case FunctionCallInProgressFrame():
                if data.direction != FrameDirection.DOWNSTREAM:
                    _logger.debug(
                        "%s → LLM FUNCTION CALL (%s): %r(%s) at %.2fs",
                        data.source,
                        frame.tool_call_id,
                        frame.function_name,
                        frame.arguments,
                        at,
                    )
            case FunctionCallResultFrame():
                _logger.debug(
                    "→ %s LLM FUNCTION CALL RESULT (%s): %s at %.2fs",
                    data.destination,
                    frame.tool_call_id,
                    frame.result,
                    at,
                )
            case _:
                pass
