"""What the bot does about a turn in which no words were heard."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_EMPTY_USER_TURN_INTERRUPTED_PROMPT = (
    "Something was heard while you were answering, perhaps the user, but no words were recognized, "
    "and your answer broke off there. The conversation holds only as much of it as was spoken. "
    "Briefly ask the user to say it again; if you had asked something, ask it again too."
)


@dataclass
class EmptyUserTurnConfig:
    """When the language model answers a turn without words: a cough, a noise, unclear speech.

    Attributes:
        interrupted_prompt: What it is told if the turn broke off the bot's answer, which would
            stay unfinished; None for no answer.
        idle_prompt: What it is told if the bot was waiting for the user; None for no answer.
        max_consecutive_recoveries: Most such turns in a row that are answered.
    """

    interrupted_prompt: str | None = DEFAULT_EMPTY_USER_TURN_INTERRUPTED_PROMPT
    idle_prompt: str | None = None
    max_consecutive_recoveries: int = 1
