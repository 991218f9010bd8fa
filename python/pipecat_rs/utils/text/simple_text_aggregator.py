"""Gathering tokens into sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import Enum, auto
from typing import Any

from pipecat_rs.utils.text.base_text_aggregator import Aggregation, BaseTextAggregator, TextType
from pipecat_rs.utils.text.sentence_boundary import (
    SENTENCE_ENDING_PUNCTUATION,
    end_of_sentence,
)


class _Awaiting(Enum):
    """What has to come before it is asked whether a sentence has ended."""

    PUNCTUATION = auto()
    FOLLOWING_TEXT = auto()
    WORD_END = auto()


class SimpleTextAggregator(BaseTextAggregator):
    """Gives out a sentence once the text that follows shows that it has ended.

    "Ask for $29." may go on as "$29.95", so punctuation alone ends nothing. The first character
    behind it decides most cases; where it does not ("Albert I. D"), the whole word behind it
    ("Did", "Douglas") decides. With `TextType.TOKEN`, text goes out as it comes.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Make an aggregator that holds nothing.

        Args:
            **kwargs: See `BaseTextAggregator`.
        """
        super().__init__(**kwargs)
        self._text = ""
        # No sentence ends before this index, whatever follows; looking again would take the square
        # of a long text.
        self._known_until = 0
        self._awaiting = _Awaiting.PUNCTUATION

    @property
    def text(self) -> Aggregation:
        """What is held and not yet given out."""
        return Aggregation(text=self._text.strip(" "), type=TextType.SENTENCE)

    async def aggregate(self, text: str) -> AsyncIterator[Aggregation]:
        """Take text in, and yield each sentence that it shows to have ended.

        Args:
            text: The text.
        """
        if self._aggregation_type == TextType.TOKEN:
            if text:
                yield Aggregation(text=text, type=TextType.TOKEN)
            return
        for char in text:
            self._text += char
            sentence = await self._check_sentence_with_lookahead(char)
            if sentence:
                yield sentence

    async def flush(self) -> Aggregation | None:
        """Give out what is held as the last sentence; None if nothing is."""
        if self._aggregation_type == TextType.TOKEN or not self._text:
            return None
        text = self._text
        await self.reset()
        return Aggregation(text=text.strip(" "), type=TextType.SENTENCE)

    async def handle_interruption(self) -> None:
        """Forget what is held."""
        self._text = ""
        self._known_until = 0
        self._awaiting = _Awaiting.PUNCTUATION

    async def reset(self) -> None:
        """Go back to the beginning."""
        self._text = ""
        self._known_until = 0
        self._awaiting = _Awaiting.PUNCTUATION

    async def _check_sentence_with_lookahead(
        self, char: str, *, protected_end: int = 0
    ) -> Aggregation | None:
        """Return a sentence, if the character just appended shows that one has ended.

        Args:
            char: The character.
            protected_end: Index before which punctuation ends nothing, as it belongs to a tag.
        """
        is_punctuation = char in SENTENCE_ENDING_PUNCTUATION
        sentence = None
        if self._is_time_to_ask(char, is_punctuation):
            # New punctuation ends the word before it, and is no part of the question.
            sentence = self._take_sentence(len(self._text) - is_punctuation, protected_end)
        if is_punctuation:
            self._awaiting = _Awaiting.FOLLOWING_TEXT
        return sentence

    def _is_time_to_ask(self, char: str, is_punctuation: bool) -> bool:
        if self._awaiting is _Awaiting.FOLLOWING_TEXT:
            if is_punctuation or char.isspace():
                return False
            if char.isalnum():
                self._awaiting = _Awaiting.WORD_END
            # A quote or a bracket may close the sentence or open the next: both are asked for,
            # and the first letter is still to come.
            return True
        if self._awaiting is _Awaiting.WORD_END and (is_punctuation or char.isspace()):
            self._awaiting = _Awaiting.PUNCTUATION
            return True
        return False

    def _take_sentence(self, until: int, protected_end: int) -> Aggregation | None:
        text = self._text[:until]
        if protected_end:
            blank = str.maketrans(dict.fromkeys(SENTENCE_ENDING_PUNCTUATION, " "))
            text = text[:protected_end].translate(blank) + text[protected_end:]
        end = end_of_sentence(text, self.language, known_until=self._known_until)
        if not end and self._awaiting is _Awaiting.PUNCTUATION:
            # The whole word behind each punctuation was seen, but for spaces that may go on.
            self._known_until = len(text.rstrip())
        if not end or end == len(text):
            return None
        sentence = self._text[:end].strip(" ")
        self._text = self._text[end:]
        self._known_until = 0
        self._awaiting = _Awaiting.PUNCTUATION
        return Aggregation(text=sentence, type=TextType.SENTENCE)
