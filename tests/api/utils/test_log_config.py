"""How much is logged, for all of a process."""

from collections.abc import Iterator

import pytest
from pipecat_rs.utils.env import InvalidEnvVarValueError
from pipecat_rs.utils.log_config import LLMContextLogMode, llm_context_log_mode

VARIABLE = "PIPECAT_LOG_LLM_CONTEXT"


@pytest.fixture(autouse=True)
def read_anew() -> Iterator[None]:
    llm_context_log_mode.cache_clear()
    yield
    llm_context_log_mode.cache_clear()


@pytest.mark.parametrize("value", [None, "", "  ", "full", " FULL "])
def test_everything_by_default(monkeypatch: pytest.MonkeyPatch, value: str | None):
    if value is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, value)
    assert llm_context_log_mode() is LLMContextLogMode.FULL


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "Off")
    assert llm_context_log_mode() is LLMContextLogMode.OFF
    monkeypatch.setenv(VARIABLE, "full")
    assert llm_context_log_mode() is LLMContextLogMode.OFF


def test_a_mode_that_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "some")
    with pytest.raises(InvalidEnvVarValueError, match="should be full or off"):
        llm_context_log_mode()
