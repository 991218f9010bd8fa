"""A conversation as a transcript, for models that continue text and were never taught to chat.

Such a *base model* answers well if the conversation looks like one that it has read: a line which
says what it is, a few exchanges, and the beginning of the line to continue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipecat_rs.processors.aggregators.llm_context import LLMContextMessage, standard_message_text

DEFAULT_HEADER = (
    "This is a phone call with a friendly and knowledgeable assistant. The assistant answers every "
    "question correctly, in complete sentences."
)

DEFAULT_EXAMPLES = (
    ("Hello, can you hear me?", "Yes, I can hear you well. How can I help you?"),
    ("What is the capital of Japan?", "The capital of Japan is Tokyo."),
    ("How many days are there in a week?", "There are seven days in a week."),
)

_CHARS_PER_TOKEN = 3


@dataclass(frozen=True)
class TranscriptFormat:
    """How a conversation is written down.

    Attributes:
        user: Name of the user.
        assistant: Name of the assistant.
        header: What stands ahead, if the conversation says nothing itself.
        examples: Exchanges ahead of the conversation: what the user says, what is answered. They
            are left out where the conversation begins with exchanges of its own.
        listening: What the assistant says, in writing only, where the user goes on unanswered.
    """

    user: str = "Caller"
    assistant: str = "Assistant"
    header: str = DEFAULT_HEADER
    examples: Sequence[tuple[str, str]] = DEFAULT_EXAMPLES
    listening: str = "Yes?"

    @property
    def stops(self) -> list[str]:
        """Strings at which the answer has ended."""
        return ["\n", f"{self.user}:", f"{self.assistant}:"]


class Transcript:
    """The transcript of one conversation, which grows at its end.

    The model keeps what it has read as long as the beginning stays the same. So if the conversation
    becomes too long, its older half is left out at once, rather than a line each time.
    """

    def __init__(self, format: TranscriptFormat, *, max_tokens: int) -> None:
        """Begin a transcript.

        Args:
            format: How it is written down.
            max_tokens: Longest prompt, in tokens.
        """
        self._format = format
        self._max_chars = max_tokens * _CHARS_PER_TOKEN
        self._left_out = 0
        self._has_examples: bool | None = None

    def prompt(
        self, messages: Sequence[LLMContextMessage], system_instruction: str | None = None
    ) -> str:
        """Return the prompt for the next answer.

        Args:
            messages: The conversation.
            system_instruction: What stands ahead, instead of what the conversation says.
        """
        header, lines = self._header_and_lines(messages, system_instruction)
        if self._left_out > len(lines):
            # Another conversation, or one that was cut elsewhere.
            self._left_out = 0
        kept = lines[self._left_out :]
        while len(kept) > 1 and self._length(header, kept) > self._max_chars:
            self._left_out += (len(kept) + 1) // 2
            kept = lines[self._left_out :]
        return "\n".join([header, "", *kept, f"{self._format.assistant}:"])

    def leave_out_more(self) -> None:
        """Take note that the last prompt was too long all the same."""
        self._max_chars = self._max_chars * 3 // 4

    def _length(self, header: str, lines: list[str]) -> int:
        return len(header) + sum(len(line) + 1 for line in lines)

    def _header_and_lines(
        self, messages: Sequence[LLMContextMessage], system_instruction: str | None
    ) -> tuple[str, list[str]]:
        names = {"user": self._format.user, "assistant": self._format.assistant}
        headers: list[str] = [system_instruction] if system_instruction else []
        lines: list[str] = []
        for message in messages:
            text = " ".join(standard_message_text(message).split())
            role = "" if not text else message.get("role")  # type: ignore[union-attr]
            if role == "system" and not lines and not system_instruction:
                headers.append(text)
            elif role in ("system", "developer"):
                lines.append(f"({text})")
            elif role in names:
                if role == "user" and lines and lines[-1].startswith(f"{self._format.user}:"):
                    # Two lines of the user in a row: a pause, or an answer cut off before it began.
                    # The model would answer the first.
                    lines.append(f"{self._format.assistant}: {self._format.listening}")
                lines.append(f"{names[role]}: {text}")
        if self._has_examples is None:
            # Decided once: the beginning has to stay the same.
            begins_with_exchange = any(
                line.startswith(f"{self._format.assistant}:") for line in lines
            )
            self._has_examples = not begins_with_exchange
        if self._has_examples:
            lines = [*self._example_lines(), *lines]
        return " ".join(headers) or self._format.header, lines

    def _example_lines(self) -> list[str]:
        lines: list[str] = []
        for asked, answered in self._format.examples:
            lines += [f"{self._format.user}: {asked}", f"{self._format.assistant}: {answered}"]
        return lines
