"""Observers that write to the log what services take and give."""

import logging
from typing import Any

import pytest
from pipecat_rs.frames.frames import (
    Frame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
)
from support.observed import DESTINATION, SOURCE, UP, pushed

services = pytest.importorskip("pipecat_rs.services.llm_service")
pytest.importorskip("pipecat_rs.services.stt_service")


def stands_for(cls: type, name: str) -> Any:
    """Return an object of a service's class which was never built as one."""

    class Named(cls):
        def __str__(self) -> str:
            return name

    Named.__abstractmethods__ = frozenset()
    return Named.__new__(Named)


class Context:
    def get_messages(self) -> list[str]:
        return ["hello"]


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (LLMFullResponseStartFrame(), "an LLM → LLM START RESPONSE at 1.50s"),
        (LLMFullResponseEndFrame(), "an LLM → LLM END RESPONSE at 1.50s"),
        (LLMTextFrame("hi"), "an LLM → LLM GENERATING: 'hi' at 1.50s"),
        (FunctionCallInProgressFrame("f", "1", {"a": 2}), "LLM FUNCTION CALL (1): 'f'({'a': 2})"),
        (FunctionCallResultFrame("f", "1", {}, 7), "LLM FUNCTION CALL RESULT (1): 7"),
        (LLMContextFrame(Context()), "LLM CONTEXT: ['hello']"),  # type: ignore[arg-type]
    ],
    ids=lambda value: type(value).__name__,
)
async def test_language_models(frame: Frame, text: str, caplog: pytest.LogCaptureFixture):
    from pipecat_rs.observers.loggers.llm_log_observer import LLMLogObserver

    caplog.set_level(logging.DEBUG)
    llm = stands_for(services.LLMService, "an LLM")
    observer = LLMLogObserver()
    direction = {"direction": UP} if isinstance(frame, FunctionCallInProgressFrame) else {}
    hop = pushed(frame, source=llm, timestamp=1_500_000_000, **direction)  # type: ignore[arg-type]
    await observer.on_push_frame(hop)
    assert text in caplog.text
    caplog.clear()
    await observer.on_push_frame(pushed(frame, source=SOURCE, destination=DESTINATION))
    assert caplog.text == ""


async def test_transcripts(caplog: pytest.LogCaptureFixture):
    from pipecat_rs.observers.loggers.transcription_log_observer import TranscriptionLogObserver
    from pipecat_rs.services.stt_service import STTService

    caplog.set_level(logging.DEBUG)
    stt = stands_for(STTService, "an STT")
    observer = TranscriptionLogObserver()
    await observer.on_push_frame(pushed(TranscriptionFrame("hi", "me", "t"), source=stt))
    await observer.on_push_frame(pushed(InterimTranscriptionFrame("h", "me", "t"), source=stt))
    await observer.on_push_frame(pushed(TranscriptionFrame("no", "me", "t")))
    assert caplog.messages == [
        "an STT → TRANSCRIPTION: 'hi' from 'me' at 0.00s",
        "an STT → INTERIM TRANSCRIPTION: 'h' from 'me' at 0.00s",
    ]
