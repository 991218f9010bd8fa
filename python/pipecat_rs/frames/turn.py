"""Frames of turn taking: who speaks, who is muted, who interrupts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pipecat_rs.frames.base import ControlFrame, SystemFrame


class InterruptionFrame(SystemFrame):
    """What the bot is doing is to stop, as somebody else has the floor.

    On its way each processor gives up the frame in hand and drops what waits, except
    uninterruptible frames.
    """


class UserStartedSpeakingFrame(SystemFrame):
    """The user's turn begins."""


class UserStoppedSpeakingFrame(SystemFrame):
    """The user's turn ends."""


class UserSpeakingFrame(SystemFrame):
    """The user is still speaking; repeated meanwhile."""


class ProposedUserStartedSpeakingFrame(SystemFrame):
    """A service believes that the user's turn begins; the turn strategies decide."""


class ProposedUserStoppedSpeakingFrame(ControlFrame):
    """A service believes that the user's turn ends; the turn strategies decide."""


class UserTurnInferenceCompletedFrame(SystemFrame):
    """The answer that was asked for before the end of the user's turn is complete."""


class EagerEndOfTurnCancelFrame(SystemFrame):
    """The expected end of the user's turn did not come: the user goes on."""


class UserMuteStartedFrame(SystemFrame):
    """From here on the user is not listened to."""


class UserMuteStoppedFrame(SystemFrame):
    """The user is listened to again."""


@dataclass(repr=False, eq=False)
class VADUserStartedSpeakingFrame(SystemFrame):
    """Voice activity detection found the beginning of speech.

    Attributes:
        start_secs: Seconds of speech that it took to be sure.
        timestamp: When it was sure, as seconds since the epoch.
    """

    start_secs: float = 0.0
    timestamp: float = field(default_factory=time.time)


@dataclass(repr=False, eq=False)
class VADUserStoppedSpeakingFrame(SystemFrame):
    """Voice activity detection found the end of speech.

    Attributes:
        stop_secs: Seconds of silence that it took to be sure.
        timestamp: When it was sure, as seconds since the epoch.
    """

    stop_secs: float = 0.0
    timestamp: float = field(default_factory=time.time)


class BotStartedSpeakingFrame(SystemFrame):
    """The bot's audio begins to play."""


class BotStoppedSpeakingFrame(SystemFrame):
    """The bot's audio stops playing."""


class BotSpeakingFrame(SystemFrame):
    """The bot's audio is still playing; repeated meanwhile."""


@dataclass(repr=False, eq=False)
class UserIdleTimeoutUpdateFrame(SystemFrame):
    """Change how long the user may be silent before that is an event.

    Attributes:
        timeout: The time in seconds; 0 switches the detection off.
    """

    timeout: float


@dataclass(repr=False, eq=False)
class STTMuteFrame(SystemFrame):
    """Switch whether speech-to-text ignores its audio.

    Attributes:
        mute: Whether it does.
    """

    mute: bool
