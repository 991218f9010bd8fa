"""How much Claude thinks before it speaks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_EFFORT_LOW = {"output_config": {"effort": "low"}}
_DISABLED = {"thinking": {"type": "disabled"}}

# The least that each model can be told to think; the newest cannot be told not to.
_LEAST: dict[str, dict[str, Any]] = {
    "claude-fable-5-1": _EFFORT_LOW,
    "claude-fable-5": _EFFORT_LOW,
    "claude-opus-5-5": _EFFORT_LOW,
    "claude-opus-5": _DISABLED,
    "claude-sonnet-5-5": {"thinking": {"type": "between_tools"}},
    "claude-sonnet-5": _DISABLED,
    "claude-haiku-5-5": _DISABLED,
    "claude-opus-4-8": _DISABLED,
    "claude-opus-4-7": _DISABLED,
    "claude-opus-4-6": _DISABLED,
    "claude-sonnet-4-6": _DISABLED,
    "claude-opus-4-5": _DISABLED,
    "claude-sonnet-4-5": _DISABLED,
    "claude-haiku-4-5": _DISABLED,
}


@dataclass
class AnthropicThinkingConfig:
    """How Claude thinks.

    Attributes:
        type: ``adaptive`` leaves it to the model, ``disabled`` turns it off where that can be done,
            ``enabled`` is for models up to Claude 4.6, ``between_tools`` for Claude Sonnet 5.5.
        budget_tokens: Most tokens to think, with ``enabled``.
        display: ``summarized`` for thoughts that can be read, or ``omitted``.
    """

    type: str
    budget_tokens: int | None = None
    display: str | None = None

    def to_request(self) -> dict[str, Any]:
        """Return the configuration as a request has it."""
        return {name: value for name, value in vars(self).items() if value is not None}


def least_thinking(model: str) -> dict[str, Any] | None:
    """Return the fields of a request with which a model thinks least; None if that is not known.

    Args:
        model: Its name, also in the forms that Bedrock and Vertex AI have for it.
    """
    name = model.lower().rpartition(".")[2].partition("@")[0]
    name = re.sub(r"-v\d+:\d+$", "", name)
    return _LEAST.get(re.sub(r"-\d{8}$", "", name))
