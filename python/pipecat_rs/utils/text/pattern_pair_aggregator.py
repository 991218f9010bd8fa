"""Gathering tokens into sentences, with marked passages taken out or handed over."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pipecat_rs.utils.string import longest_trailing_partial_match
from pipecat_rs.utils.text.base_text_aggregator import Aggregation, TextType
from pipecat_rs.utils.text.simple_text_aggregator import SimpleTextAggregator

_logger = logging.getLogger(__name__)


class MatchAction(Enum):
    """What becomes of a marked passage."""

    REMOVE = "remove"
    """It is taken out of the text."""
    KEEP = "keep"
    """It stays in the text, marks included."""
    AGGREGATE = "aggregate"
    """It is given out as a piece of its own, without the marks."""


class PatternMatch(Aggregation):
    """A marked passage, or a piece of the text around it.

    Attributes:
        full_match: The passage with its marks.
    """

    def __init__(self, content: str, type: str, full_match: str) -> None:
        """Describe the passage.

        Args:
            content: The passage without its marks.
            type: Name of the pattern, or the type of the piece.
            full_match: The passage with its marks.
        """
        super().__init__(text=content, type=type)
        self.full_match = full_match

    def __str__(self) -> str:
        return f"PatternMatch(type={self.type}, text={self.text}, full_match={self.full_match})"


@dataclass
class _Pattern:
    type: str
    start: str
    end: str
    action: MatchAction


@dataclass
class _OpenPattern:
    pattern: _Pattern
    at: int
    """Where its start mark begins."""


class PatternPairAggregator(SimpleTextAggregator):
    """Gives out sentences, and acts on the passages between pairs of marks.

    No sentence ends inside a passage. A passage that is never closed is dropped at the end of
    the stream, unless its action is to keep it.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Make an aggregator without patterns.

        Args:
            **kwargs: See `BaseTextAggregator`.
        """
        super().__init__(**kwargs)
        self._patterns: dict[str, _Pattern] = {}
        self._handlers: dict[str, Callable[[PatternMatch], Awaitable[None]]] = {}
        self._open: _OpenPattern | None = None
        self._kept_until = 0

    @property
    def text(self) -> Aggregation:
        """What is held and not yet given out."""
        type = self._open.pattern.type if self._open else TextType.SENTENCE
        return Aggregation(text=self._text.strip(), type=type)

    def add_pattern(
        self,
        type: str,
        start_pattern: str,
        end_pattern: str,
        action: MatchAction = MatchAction.REMOVE,
    ) -> PatternPairAggregator:
        """Add a pair of marks.

        Args:
            type: Name of the pattern.
            start_pattern: The mark before a passage.
            end_pattern: The mark behind it.
            action: What becomes of the passage.

        Returns:
            This aggregator.

        Raises:
            ValueError: If the name is that of a built-in type.
        """
        if type in (TextType.SENTENCE, TextType.WORD, TextType.TOKEN):
            raise ValueError(f"pattern type {type!r} is the name of a built-in text type")
        self._patterns[type] = _Pattern(type, start_pattern, end_pattern, action)
        return self

    def on_pattern_match(
        self, type: str, handler: Callable[[PatternMatch], Awaitable[None]]
    ) -> PatternPairAggregator:
        """Set what is called with each passage of a pattern.

        Args:
            type: Name of the pattern.
            handler: The function. What it raises is logged.

        Returns:
            This aggregator.
        """
        self._handlers[type] = handler
        return self

    async def aggregate(self, text: str) -> AsyncIterator[Aggregation]:
        """Take text in, and yield each piece that it completes.

        Args:
            text: The text.
        """
        by_token = self._aggregation_type == TextType.TOKEN
        for char in text:
            self._text += char
            if self._open is not None:
                piece = await self._close_pattern(self._open)
            elif (opened := self._pattern_opening_here()) is not None:
                piece = self._open_pattern(opened)
            elif by_token:
                continue
            else:
                piece = await self._sentence_ending_here(char)
            if piece is not None:
                yield piece
        if by_token and self._open is None:
            starts = [pattern.start for pattern in self._patterns.values()]
            held = longest_trailing_partial_match(self._text, starts)
            token = self._text[: len(self._text) - held]
            if token:
                self._text = self._text[len(token) :]
                yield PatternMatch(token, TextType.TOKEN, token)

    async def flush(self) -> Aggregation | None:
        """Give out what is held, without passages that were never closed."""
        text = self._text
        if self._open and self._open.pattern.action != MatchAction.KEEP:
            text = text[: self._open.at]
        dropped = [p.start for p in self._patterns.values() if p.action != MatchAction.KEEP]
        text = text[: len(text) - longest_trailing_partial_match(text, dropped)]
        await self.reset()
        return PatternMatch(text.strip(), self._piece_type(), text) if text.strip() else None

    async def handle_interruption(self) -> None:
        """Forget what is held."""
        await super().handle_interruption()
        self._open = None
        self._kept_until = 0

    async def reset(self) -> None:
        """Go back to the beginning."""
        await super().reset()
        self._open = None
        self._kept_until = 0

    def _piece_type(self) -> TextType:
        by_token = self._aggregation_type == TextType.TOKEN
        return TextType.TOKEN if by_token else TextType.SENTENCE

    def _pattern_opening_here(self) -> _Pattern | None:
        opening = [p for p in self._patterns.values() if self._text.endswith(p.start)]
        return max(opening, key=lambda pattern: len(pattern.start), default=None)

    def _open_pattern(self, pattern: _Pattern) -> PatternMatch | None:
        at = len(self._text) - len(pattern.start)
        before = self._text[:at]
        self._open = _OpenPattern(pattern, at)
        if pattern.action != MatchAction.AGGREGATE or not before:
            return None
        # What stands before a passage of its own is spoken first.
        self._text = self._text[at:]
        self._known_until = 0
        self._open.at = 0
        self._kept_until = 0
        return PatternMatch(before.strip(), self._piece_type(), before)

    async def _close_pattern(self, opened: _OpenPattern) -> PatternMatch | None:
        pattern = opened.pattern
        begin = opened.at + len(pattern.start)
        if not self._text.endswith(pattern.end, begin):
            return None
        self._open = None
        full = self._text[opened.at :]
        content = self._text[begin : len(self._text) - len(pattern.end)]
        match = PatternMatch(content.strip(), pattern.type, full)
        await self._tell(match)
        if pattern.action == MatchAction.KEEP:
            self._kept_until = len(self._text)
            return None
        self._text = self._text[: opened.at]
        self._known_until = min(self._known_until, opened.at)
        return match if pattern.action == MatchAction.AGGREGATE else None

    async def _tell(self, match: PatternMatch) -> None:
        handler = self._handlers.get(match.type)
        if handler is None:
            return
        try:
            await handler(match)
        except Exception as error:
            _logger.error("handler of pattern %r failed: %r", match.type, error, exc_info=True)

    async def _sentence_ending_here(self, char: str) -> PatternMatch | None:
        sentence = await self._check_sentence_with_lookahead(char, protected_end=self._kept_until)
        if sentence is None:
            return None
        self._kept_until = 0
        return PatternMatch(sentence.text, sentence.type, sentence.text)
