"""How the two sides of a context are handled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer
from pipecat_rs.turns.empty_user_turn import EmptyUserTurnConfig
from pipecat_rs.turns.turn_completion_config import UserTurnCompletionConfig
from pipecat_rs.turns.user_mute import BaseUserMuteStrategy
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies
from pipecat_rs.utils.context.llm_context_summarization import (
    LLMAutoContextSummarizationConfig,
    LLMContextSummarizationConfig,
)
from pipecat_rs.utils.deprecation import warn_deprecated


@dataclass
class LLMUserAggregatorParams:
    """How the user's side is handled.

    Attributes:
        add_tool_change_messages: Whether the model is told of functions that come and go.
        audio_idle_timeout: Time without audio after which speech has stopped, in seconds; 0 for
            never. For `vad_analyzer`.
        user_turn_strategies: What decides on turns. If not given, services may propose some.
        user_mute_strategies: What decides that the user is not listened to.
        user_turn_stop_timeout: Time after which a turn is stopped that nothing else stops, in
            seconds.
        user_idle_timeout: Time without speech after which `on_user_turn_idle` is called, in
            seconds; 0 for never.
        vad_analyzer: Detects voice activity here. Not needed behind a `VADProcessor`.
        empty_user_turn: What to do about a turn without words; None for nothing.
        filter_incomplete_user_turns: Whether the model judges if the user has finished. Deprecated
            in pipecat 1.2: use `FilterIncompleteUserTurnStrategies`.
        user_turn_completion_config: How it does so. Deprecated with it.
    """

    add_tool_change_messages: bool = False
    audio_idle_timeout: float = 1.0
    user_turn_strategies: UserTurnStrategies | None = None
    user_mute_strategies: list[BaseUserMuteStrategy] = field(default_factory=list)
    user_turn_stop_timeout: float = 5.0
    user_idle_timeout: float = 0
    vad_analyzer: VADAnalyzer | None = None
    empty_user_turn: EmptyUserTurnConfig | None = field(default_factory=EmptyUserTurnConfig)
    filter_incomplete_user_turns: bool = False
    user_turn_completion_config: UserTurnCompletionConfig | None = None

    def __post_init__(self) -> None:
        for name, strategies in {
            "filter_incomplete_user_turns": "FilterIncompleteUserTurnStrategies()",
            "user_turn_completion_config": "FilterIncompleteUserTurnStrategies(config=...)",
        }.items():
            if getattr(self, name):
                warn_deprecated(
                    f"`LLMUserAggregatorParams.{name}` is deprecated since 1.2.0 and will be "
                    f"removed in 2.0.0. Use `user_turn_strategies={strategies}` instead.",
                    stacklevel=3,
                )


@dataclass
class LLMAssistantAggregatorParams:
    """How the assistant's side is handled.

    Attributes:
        enable_auto_context_summarization: Whether the older part of a long conversation gives way
            to a summary by itself.
        auto_context_summarization_config: When and how; None for the defaults. How also holds for
            an `LLMSummarizeContextFrame` that says nothing itself.
        add_tool_change_messages: Whether the model is told of functions that come and go.
        enable_context_summarization: Former name of `enable_auto_context_summarization`.
            Deprecated in pipecat 1.2.
        context_summarization_config: Former name of `auto_context_summarization_config`.
            Deprecated in pipecat 1.2.
    """

    enable_auto_context_summarization: bool = False
    auto_context_summarization_config: LLMAutoContextSummarizationConfig | None = None
    add_tool_change_messages: bool = False
    enable_context_summarization: bool | None = None
    context_summarization_config: LLMContextSummarizationConfig | None = None

    def __post_init__(self) -> None:
        if self.enable_context_summarization is not None:
            _warn_of_former_name("enable_context_summarization")
            self.enable_auto_context_summarization = self.enable_context_summarization
            self.enable_context_summarization = None
        config: Any = self.context_summarization_config
        if config is not None:
            _warn_of_former_name("context_summarization_config")
            is_old = isinstance(config, LLMContextSummarizationConfig)
            self.auto_context_summarization_config = config.to_auto_config() if is_old else config
            self.context_summarization_config = None


def _warn_of_former_name(name: str) -> None:
    new = name.replace("context", "auto_context", 1)
    warn_deprecated(
        f"`LLMAssistantAggregatorParams.{name}` is deprecated since 1.2.0 and will be removed in "
        f"2.0.0. Use `{new}` instead.",
        stacklevel=4,
    )
