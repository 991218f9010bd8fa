"""How a language model says whether the user has finished: its signs, and what it is told of them.

The model begins each answer with one sign. Its fill tells how much of the user's turn is there: all
of it, a part that breaks off, or nothing yet.
"""

from __future__ import annotations

from dataclasses import dataclass

USER_TURN_COMPLETE_MARKER = "●"
USER_TURN_INCOMPLETE_SHORT_MARKER = "◐"
USER_TURN_INCOMPLETE_LONG_MARKER = "○"

_INSTRUCTIONS = """\
WHOSE TURN IT IS (always applies)
What the user says is transcribed while they speak, mostly without punctuation, and it may reach you
in the middle of a sentence. Judge first whether they have finished. The first character of every
answer is one of these signs, exactly one, with nothing in front of it:

{complete} They have finished: it is your turn. After the sign comes a space and then your answer.
{short} They broke off and will go on in a moment. The sign is all you write.
{long} They want time, or have not begun to answer. The sign is all you write.

How to judge
- Finished does not mean long. A name, a number, "yes" or "no" finishes a turn when it answers you.
  So do a question to you, a correction, and the wish to hear something again.
- Broken off means that the last words call for more, in whatever language: they end in "and",
  "because", "with the" or the like, in a list that is not closed, or in half of a phone number.
  Never complete such words yourself, never answer them and never ask what is meant. Write {short}.
- A user who only reacts ("good question", "oh, I see", "hmm") or asks for patience ("one second",
  "let me look") has not answered yet. Write {long}. If an answer follows in the same breath, they
  have finished.
- After {short} or {long}, take the user's next words together with those before, as one turn, and
  judge the whole of it anew.
- If a function is what is needed, call it: then the turn counts as finished.

Examples
You asked for a date. "the twenty" -> {short}
You asked for a date. "hang on I need my calendar" -> {long}
You asked for a date. "the fourth" -> {complete} The fourth it is. In the morning or later?
"could you tell me the" -> {short}
"what time do you close" -> {complete} We close at eight this evening.
"""

_SHORT_PROMPT = """\
The user broke off a few seconds ago and has not gone on. In one short sentence, in keeping with
what was being talked about, show that you are listening and invite them to continue. Begin with
{complete} and a space; {short} and {long} are not allowed this time, as you have waited already.
"""

_LONG_PROMPT = """\
The user has been silent for some time. In one short and kind sentence, let them know that there is
no hurry and that you are there when they are ready. Begin with {complete} and a space; {short} and
{long} are not allowed this time, as you have waited already.
"""


def _with_markers(text: str, markers: tuple[str, str, str]) -> str:
    complete, short, long = markers
    return text.format(complete=complete, short=short, long=long).strip()


_MARKERS = (
    USER_TURN_COMPLETE_MARKER,
    USER_TURN_INCOMPLETE_SHORT_MARKER,
    USER_TURN_INCOMPLETE_LONG_MARKER,
)

DEFAULT_INCOMPLETE_SHORT_PROMPT = _with_markers(_SHORT_PROMPT, _MARKERS)
DEFAULT_INCOMPLETE_LONG_PROMPT = _with_markers(_LONG_PROMPT, _MARKERS)
USER_TURN_COMPLETION_INSTRUCTIONS = _with_markers(_INSTRUCTIONS, _MARKERS)


@dataclass
class UserTurnCompletionConfig:
    """How the model judges whether the user has finished, and what follows if not.

    Attributes:
        instructions: What the model is told of the signs; None for a text that names those below.
        complete_marker: Sign that the user has finished. Best a single token, as it comes ahead of
            the first word that is spoken.
        incomplete_short_marker: Sign that the user broke off.
        incomplete_long_marker: Sign that the user wants time.
        incomplete_short_timeout: How long a user who broke off is waited for, in seconds.
        incomplete_long_timeout: How long a user who wants time is waited for, in seconds.
        incomplete_short_prompt: What the model is told then in the first case; None for a text
            that invites the user to go on.
        incomplete_long_prompt: And in the second; None for a text that offers more time.
    """

    instructions: str | None = None
    complete_marker: str = USER_TURN_COMPLETE_MARKER
    incomplete_short_marker: str = USER_TURN_INCOMPLETE_SHORT_MARKER
    incomplete_long_marker: str = USER_TURN_INCOMPLETE_LONG_MARKER
    incomplete_short_timeout: float = 5.0
    incomplete_long_timeout: float = 10.0
    incomplete_short_prompt: str | None = None
    incomplete_long_prompt: str | None = None

    @property
    def markers(self) -> tuple[str, str, str]:
        """The signs: finished, broke off, wants time."""
        return self.complete_marker, self.incomplete_short_marker, self.incomplete_long_marker

    @property
    def completion_instructions(self) -> str:
        """What the model is told of the signs."""
        return self.instructions or _with_markers(_INSTRUCTIONS, self.markers)

    @property
    def short_prompt(self) -> str:
        """What the model is told when a user who broke off does not go on."""
        return self.incomplete_short_prompt or _with_markers(_SHORT_PROMPT, self.markers)

    @property
    def long_prompt(self) -> str:
        """What the model is told when a user who wants time stays silent."""
        return self.incomplete_long_prompt or _with_markers(_LONG_PROMPT, self.markers)
