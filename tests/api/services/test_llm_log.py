"""What language models log for each answer."""

import logging
from collections.abc import Iterator

import pytest
from pipecat_rs.frames.frames import Frame, LLMContextFrame
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.utils.env import InvalidEnvVarValueError
from pipecat_rs.utils.log_config import llm_context_log_mode
from support.passage import passed

LOGGER = "pipecat_rs.services.llm_service"


class Silent(LLMService):
    """Gives no answers."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)


@pytest.fixture(autouse=True)
def read_anew() -> Iterator[None]:
    llm_context_log_mode.cache_clear()
    yield
    llm_context_log_mode.cache_clear()


async def logged(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    context = LLMContext(messages=[{"role": "user", "content": "my secret"}])
    with caplog.at_level(level, LOGGER):
        await passed(Silent(), frames=[LLMContextFrame(context=context)])
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


async def test_the_conversation_is_logged_for_debugging(caplog: pytest.LogCaptureFixture):
    (line,) = await logged(caplog, logging.DEBUG)
    assert "Silent" in line and "my secret" in line


async def test_the_conversation_can_be_left_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PIPECAT_LOG_LLM_CONTEXT", "off")
    (line,) = await logged(caplog, logging.DEBUG)
    assert "Silent" in line and "my secret" not in line


async def test_otherwise_nothing_is_logged(caplog: pytest.LogCaptureFixture):
    assert await logged(caplog, logging.INFO) == []


def test_a_mode_that_is_none_is_found_when_the_service_is_made(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIPECAT_LOG_LLM_CONTEXT", "some")
    with pytest.raises(InvalidEnvVarValueError):
        Silent()
