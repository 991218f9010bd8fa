"""What gathers a stream of text into pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pipecat_rs.frames.text import TextType
from pipecat_rs.utils.text.sentence_boundary import resolve_sentence_tokenizer_language

__all__ = ["Aggregation", "AggregationType", "BaseTextAggregator", "TextType"]

AggregationType = TextType
"""The name of `TextType` before pipecat 1.13."""


@dataclass
class Aggregation:
    """A piece of text.

    Attributes:
        text: The text.
        type: What it is: a `TextType`, or a string of the application's own.
    """

    text: str
    type: str

    def __str__(self) -> str:
        return f"Aggregation by {self.type}: {self.text}"


class BaseTextAggregator(ABC):
    """Takes tokens in, gives sentences or other pieces out."""

    def __init__(
        self,
        *,
        aggregation_type: TextType = TextType.SENTENCE,
        language: str | None = None,
    ) -> None:
        """Set what pieces are made.

        Args:
            aggregation_type: Sentences, or tokens as they come.
            language: Code or tag of the text's language; English if None.
        """
        self._aggregation_type = TextType(aggregation_type)
        self._language = resolve_sentence_tokenizer_language(language)

    @property
    def language(self) -> str:
        """Code of the text's language."""
        return self._language

    def set_language(self, language: str | None) -> None:
        """Change the text's language; what is held stays. Best done between two answers.

        Args:
            language: Its code or tag; English if None.
        """
        self._language = resolve_sentence_tokenizer_language(language)

    @property
    def aggregation_type(self) -> TextType:
        """What pieces are made."""
        return self._aggregation_type

    @property
    @abstractmethod
    def text(self) -> Aggregation:
        """What is held and not yet given out."""

    @abstractmethod
    def aggregate(self, text: str) -> AsyncIterator[Aggregation]:
        """Take text in, and yield each piece that it completes.

        Args:
            text: The text.
        """

    @abstractmethod
    async def flush(self) -> Aggregation | None:
        """Give out what is held as the last piece of a stream; None if nothing is."""

    @abstractmethod
    async def handle_interruption(self) -> None:
        """Forget what is held, as nobody will hear it."""

    @abstractmethod
    async def reset(self) -> None:
        """Go back to the beginning."""
