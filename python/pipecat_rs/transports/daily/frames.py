"""Frames that only rooms of Daily know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipecat_rs.frames.frames import (
    DataFrame,
    InputTransportMessageFrame,
    OutputDTMFFrame,
    OutputDTMFUrgentFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)


@dataclass(repr=False, eq=False)
class DailyOutputTransportMessageFrame(OutputTransportMessageFrame):
    """A message to one participant, behind the audio before it.

    Attributes:
        participant_id: To whom; None for all.
    """

    participant_id: str | None = None


@dataclass(repr=False, eq=False)
class DailyOutputTransportMessageUrgentFrame(OutputTransportMessageUrgentFrame):
    """A message to one participant, at once.

    Attributes:
        participant_id: To whom; None for all.
    """

    participant_id: str | None = None


@dataclass(repr=False, eq=False)
class DailyInputTransportMessageFrame(InputTransportMessageFrame):
    """A message of a participant.

    Attributes:
        participant_id: Whose it is.
    """

    participant_id: str | None = None


@dataclass(repr=False, eq=False)
class DailySIPTransferFrame(DataFrame):
    """Hands the telephone call over, once the audio before it was played.

    Attributes:
        settings: To whom, as Daily has it; without a ``sessionId`` it is the present call.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(repr=False, eq=False)
class DailySIPReferFrame(DataFrame):
    """Refers the telephone call to another line, once the audio before it was played.

    Attributes:
        settings: To which, as Daily has it; without a ``sessionId`` it is the present call.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(repr=False, eq=False)
class DailyUpdateRemoteParticipantsFrame(DataFrame):
    """Changes what participants may do, once the audio before it was played.

    Attributes:
        remote_participants: The changes by participant, as Daily has them.
    """

    remote_participants: Mapping[str, Any] = field(default_factory=dict)


@dataclass(repr=False, eq=False)
class DailyOutputDTMFFrame(OutputDTMFFrame):
    """Key tones, behind the audio before them.

    Attributes:
        session_id: On which call; None for the present one.
        digit_duration_ms: How long each sounds, in ms.
        method: How they are sent, as Daily has it.
    """

    session_id: str | None = None
    digit_duration_ms: int | None = None
    method: str | None = None


@dataclass(repr=False, eq=False)
class DailyOutputDTMFUrgentFrame(OutputDTMFUrgentFrame):
    """Key tones, at once.

    Attributes:
        session_id: On which call; None for the present one.
        digit_duration_ms: How long each sounds, in ms.
        method: How they are sent, as Daily has it.
    """

    session_id: str | None = None
    digit_duration_ms: int | None = None
    method: str | None = None
