"""What the aggregators' events carry: who said what, and when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class UserTurnStoppedMessage:
    """A turn of the user, as it ended.

    Attributes:
        content: What was said in the whole turn; "" if nothing was heard. None beside a realtime
            service, where the message is written later: see `UserTurnMessageAddedMessage`.
        timestamp: When the turn began, as ISO 8601.
        user_id: Identifier of the user, if known.
    """

    content: str | None
    timestamp: str
    user_id: str | None = None


@dataclass
class UserTurnMessageAddedMessage:
    """A message of the user, as it was written to the context.

    Attributes:
        content: What was said.
        timestamp: When the turn began, as ISO 8601.
        user_id: Identifier of the user, if known.
    """

    content: str
    timestamp: str
    user_id: str | None = None


@dataclass
class UserBackchannelMessage:
    """A short acknowledgement of the user, which is not written to the context.

    Attributes:
        content: What was said.
        timestamp: When, as ISO 8601.
        user_id: Identifier of the user, if known.
    """

    content: str
    timestamp: str
    user_id: str | None = None


@dataclass
class AssistantTurnStoppedMessage:
    """A turn of the assistant, as it ended.

    Attributes:
        content: What it said, as far as it came; "" if nothing.
        interrupted: Whether it was interrupted.
        timestamp: When the turn began, as ISO 8601.
    """

    content: str
    interrupted: bool
    timestamp: str


@dataclass
class AssistantBackchannelMessage:
    """A short acknowledgement of the assistant.

    Attributes:
        content: What it says.
        timestamp: When, as ISO 8601.
    """

    content: str
    timestamp: str


@dataclass
class AssistantThoughtMessage:
    """A thought of the model.

    Attributes:
        content: What it thought.
        timestamp: When it began to, as ISO 8601.
    """

    content: str
    timestamp: str
