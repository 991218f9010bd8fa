"""How much is logged, for all of a process.

``PIPECAT_LOG_LLM_CONTEXT=off`` leaves the conversation out of what language models log at DEBUG for
each answer; with ``full``, which holds if it is not set, all of its messages are there.
"""

from __future__ import annotations

import functools
import os
from enum import StrEnum

from pipecat_rs.utils.env import InvalidEnvVarValueError

__all__ = ["LLMContextLogMode", "llm_context_log_mode"]

_VARIABLE = "PIPECAT_LOG_LLM_CONTEXT"


class LLMContextLogMode(StrEnum):
    """How much of a conversation is logged."""

    FULL = "full"
    """Every message."""
    OFF = "off"
    """None of them."""


@functools.cache
def llm_context_log_mode() -> LLMContextLogMode:
    """Return how much of a conversation is logged; the environment is read once.

    Raises:
        InvalidEnvVarValueError: If the environment names no such mode.
    """
    value = os.environ.get(_VARIABLE, "")
    try:
        return LLMContextLogMode(value.strip().lower() or LLMContextLogMode.FULL)
    except ValueError:
        expected = " or ".join(LLMContextLogMode)
        raise InvalidEnvVarValueError(_VARIABLE, value, expected) from None
