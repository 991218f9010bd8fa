"""What happened in a call, turn by turn: who spoke when, what was said, and when each stage came.

All times are seconds since the call began; None where the thing did not happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Span:
    """A stretch of time."""

    start: float
    end: float | None = None


@dataclass
class Turn:
    """Something the caller said, and the bot's answer.

    Attributes:
        speech: When the caller spoke; more than once if there were pauses.
        transcript: What was understood.
        transcript_at: When that was known.
        turn_ended_at: When the caller's turn was taken to be over.
        first_token_at: When the language model gave its first word.
        first_audio_at: When the voice gave its first sound.
        heard_at: When the first sound of the answer was played.
        answer: What the language model said.
        spoken: As much of it as the caller heard.
        playing: When the bot spoke.
        interrupted_at: When the caller cut the answer short.
    """

    speech: list[Span] = field(default_factory=list)
    transcript: str = ""
    transcript_at: float | None = None
    turn_ended_at: float | None = None
    first_token_at: float | None = None
    first_audio_at: float | None = None
    heard_at: float | None = None
    answer: str = ""
    spoken: str = ""
    playing: list[Span] = field(default_factory=list)
    interrupted_at: float | None = None

    @property
    def speech_end(self) -> float | None:
        """When the caller fell silent for the last time in this turn."""
        return self.speech[-1].end if self.speech else None

    def stages(self) -> list[Stage]:
        """The way from the end of speech to the first sound, stage by stage."""
        stages: list[Stage] = []
        reached = self.speech_end
        for name, at in (
            ("transcript", self.transcript_at),
            ("turn over", self.turn_ended_at),
            ("first token", self.first_token_at),
            ("first audio", self.first_audio_at),
            ("audio out", self.heard_at),
        ):
            if reached is None or at is None:
                break
            # A stage may be through early: a transcript before the last breath counts as silence.
            stages.append(Stage(name, reached, max(at, reached)))
            reached = stages[-1].end
        return stages

    @property
    def response_time(self) -> float | None:
        """From the end of the caller's speech to the first sound of the answer, in seconds."""
        if self.heard_at is None or self.speech_end is None:
            return None
        return self.heard_at - self.speech_end


@dataclass(frozen=True)
class Stage:
    """A part of the way to an answer."""

    name: str
    start: float
    end: float

    @property
    def secs(self) -> float:
        """How long it took."""
        return self.end - self.start


STAGES = ("transcript", "turn over", "first token", "first audio", "audio out")
"""The names of the stages, in order."""


@dataclass
class Conversation:
    """The turns of a call, built up event by event.

    Attributes:
        turns: Oldest first.
        caller_speaking: Whether the caller speaks now.
        bot_speaking: Whether the bot speaks now.
        thinking: Whether an answer is being made of which nothing has been heard yet.
    """

    turns: list[Turn] = field(default_factory=list)
    caller_speaking: bool = False
    bot_speaking: bool = False
    thinking: bool = False

    def caller_started(self, at: float) -> None:
        """The caller began to speak."""
        self.caller_speaking = True
        # Who goes on before an answer was begun has only paused.
        if not self.turns or self.turns[-1].first_token_at is not None:
            self.turns.append(Turn())
        self.turns[-1].speech.append(Span(at))

    def caller_stopped(self, at: float) -> None:
        """The caller fell silent."""
        self.caller_speaking = False
        if self.turns and self.turns[-1].speech:
            self.turns[-1].speech[-1].end = at

    def turn_ended(self, at: float) -> None:
        """The caller's turn was taken to be over."""
        if self.turns:
            self.turns[-1].turn_ended_at = at
            self.thinking = True

    def understood(self, at: float, text: str) -> None:
        """Some speech was transcribed."""
        if not self.turns:
            self.turns.append(Turn())
        turn = self.turns[-1]
        turn.transcript = f"{turn.transcript} {text.strip()}".strip()
        turn.transcript_at = at

    def token(self, at: float, text: str) -> None:
        """The language model gave some text."""
        turn = self._answering()
        if turn.first_token_at is None:
            turn.first_token_at = at
        turn.answer += text

    def audio_made(self, at: float) -> None:
        """The voice gave some audio."""
        turn = self._answering()
        if turn.first_audio_at is None:
            turn.first_audio_at = at

    def bot_started(self, at: float) -> None:
        """The first sound of some speech was played."""
        self.bot_speaking = True
        self.thinking = False
        turn = self._answering()
        if turn.heard_at is None:
            turn.heard_at = at
        turn.playing.append(Span(at))

    def bot_spoke(self, text: str) -> None:
        """Some words of the answer were played."""
        for turn in reversed(self.turns):
            if turn.playing:
                turn.spoken = f"{turn.spoken} {text.strip()}".strip()
                return

    def bot_stopped(self, at: float) -> None:
        """The bot fell silent."""
        self.bot_speaking = False
        for turn in reversed(self.turns):
            if turn.playing:
                turn.playing[-1].end = at
                return

    def interrupted(self, at: float) -> None:
        """An interruption went through the pipeline. It counts if the bot was speaking."""
        self.thinking = False
        if not self.bot_speaking:
            return
        for turn in reversed(self.turns):
            if turn.playing:
                turn.interrupted_at = at
                return

    def finish(self, at: float) -> None:
        """The call is over: whatever still goes on ends here."""
        for turn in self.turns:
            for span in (*turn.speech, *turn.playing):
                if span.end is None:
                    span.end = max(at, span.start)
        self.caller_speaking = self.bot_speaking = self.thinking = False

    def _answering(self) -> Turn:
        if not self.turns:
            self.turns.append(Turn())  # A bot that speaks first.
        return self.turns[-1]
