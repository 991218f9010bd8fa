"""How much Gemini thinks before it speaks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# The least that each model can be told to think. Gemini 2.5 takes a budget in tokens, later models
# a level.
_LEAST: dict[str, dict[str, Any]] = {
    "gemini-2.5-flash": {"thinking_budget": 0},
    "gemini-2.5-flash-lite": {"thinking_budget": 0},
    "gemini-2.5-pro": {"thinking_budget": 128},
    "gemini-3-flash-preview": {"thinking_level": "minimal"},
    "gemini-3.1-flash-lite": {"thinking_level": "minimal"},
    "gemini-3.1-pro-preview": {"thinking_level": "low"},
    "gemini-3.1-pro-preview-customtools": {"thinking_level": "low"},
    "gemini-3.5-flash": {"thinking_level": "minimal"},
    "gemini-3.5-flash-lite": {"thinking_level": "minimal"},
    "gemini-3.6-flash": {"thinking_level": "minimal"},
    "gemini-3.7-flash": {"thinking_level": "low"},
    "gemini-3.8-flash": {"thinking_level": "low"},
    "gemini-4-argon": {"thinking_level": "low"},
    "gemma-4-26b-a4b-it": {"thinking_level": "minimal"},
    "gemma-4-31b-it": {"thinking_level": "minimal"},
}
_TAKES_LEVEL = ("gemini-3", "gemini-4", "gemma-4")


@dataclass
class GoogleThinkingConfig:
    """How Gemini thinks. Either a budget or a level, as the model takes it.

    Attributes:
        thinking_budget: Most tokens to think, for Gemini 2.5; 0 for none, -1 leaves it to the
            model.
        thinking_level: ``minimal``, ``low``, ``medium`` or ``high``, from Gemini 3 on.
        include_thoughts: Whether a summary of the thoughts comes with the answer.
    """

    thinking_budget: int | None = None
    thinking_level: str | None = None
    include_thoughts: bool | None = None

    def to_request(self) -> dict[str, Any]:
        """Return the configuration as a request has it."""
        return {name: value for name, value in vars(self).items() if value is not None}


def least_thinking(model: str) -> dict[str, Any] | None:
    """Return the configuration with which a model thinks least; None if that is not known.

    Args:
        model: Its name, also as a path or with a version.
    """
    return _LEAST.get(_name_of(model))


def takes_level(model: str) -> bool:
    """Return whether a model takes a level rather than a budget.

    Args:
        model: Its name.
    """
    return _name_of(model).startswith(_TAKES_LEVEL)


def _name_of(model: str) -> str:
    return re.sub(r"-\d{3}$", "", model.lower().rpartition("/")[2])
