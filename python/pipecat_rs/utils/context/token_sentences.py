"""Sentences of a stream of tokens, in three forms at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise

from pipecat_rs.utils.text.simple_text_aggregator import SimpleTextAggregator


@dataclass
class ThreefoldText:
    """A text.

    Attributes:
        tts: As it is sent to be spoken.
        llm: As the model wrote it.
        shown: As the user sees it.
    """

    tts: str = ""
    llm: str = ""
    shown: str = ""

    @property
    def is_one(self) -> bool:
        """Whether the three are the same."""
        return self.tts == self.llm == self.shown

    def __add__(self, other: ThreefoldText) -> ThreefoldText:
        return ThreefoldText(self.tts + other.tts, self.llm + other.llm, self.shown + other.shown)

    def __bool__(self) -> bool:
        return bool(self.tts or self.llm or self.shown)


class _Sentences(SimpleTextAggregator):
    @property
    def held_length(self) -> int:
        """Number of characters that belong to no sentence yet."""
        return len(self._text)


class TokenSentences:
    """Gathers tokens and gives sentences out; what is spoken decides where they end.

    Where the three forms are the same, a sentence ends where it ends, be it amid a token. Where
    they are not, there is no such place, and it ends with the token before.
    """

    def __init__(self, language: str | None = None) -> None:
        """Begin without text.

        Args:
            language: Code or tag of the text's language; English if None.
        """
        self._aggregator = _Sentences(language=language)
        self._held = ThreefoldText()

    def set_language(self, language: str | None) -> None:
        """Change the language; what is held stays.

        Args:
            language: Its code or tag; English if None.
        """
        self._aggregator.set_language(language)

    async def add(self, token: ThreefoldText) -> AsyncIterator[ThreefoldText]:
        """Take a token in, and yield each sentence that it shows to have ended.

        Args:
            token: The token.
        """
        ends = [end async for end in self._ends(token.tts)]
        before, self._held = self._held, self._held + token
        if not ends:
            return
        if self._held.is_one:
            text = self._held.tts
            self._held = _same(text[ends[-1] :])
            for begin, end in pairwise([0, *ends]):
                yield _same(text[begin:end])
        elif before:
            self._held = token
            yield before

    async def flush(self) -> ThreefoldText | None:
        """Give out what is held as the last sentence; None if nothing of it is to be seen."""
        await self._aggregator.flush()
        held, self._held = self._held, ThreefoldText()
        return held if held.shown.strip() else None

    async def _ends(self, text: str) -> AsyncIterator[int]:
        """Yield where sentences end that a text shows to have ended, counted from what is held."""
        length = len(self._held.tts)
        for char in text:
            length += 1
            async for _ in self._aggregator.aggregate(char):
                yield length - self._aggregator.held_length


def _same(text: str) -> ThreefoldText:
    return ThreefoldText(text, text, text)
