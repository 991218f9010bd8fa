"""Gathering tokens into sentences, with tagged passages left whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from pipecat_rs.utils.string import (
    StartEndTags,
    longest_trailing_partial_match,
    parse_start_end_tags,
)
from pipecat_rs.utils.text.base_text_aggregator import Aggregation, TextType
from pipecat_rs.utils.text.simple_text_aggregator import SimpleTextAggregator


class SkipTagsAggregator(SimpleTextAggregator):
    """Gives out sentences, but none that ends between a start tag and its end tag.

    With `TextType.TOKEN`, text goes out as it comes, and a tagged passage in one piece.
    """

    def __init__(self, tags: Sequence[StartEndTags], **kwargs: Any) -> None:
        """Set the tags.

        Args:
            tags: Pairs of start and end tag.
            **kwargs: See `BaseTextAggregator`.
        """
        super().__init__(**kwargs)
        self._tags = tags
        self._current_tag: StartEndTags | None = None
        self._current_tag_index = 0
        self._closed_until = 0

    async def aggregate(self, text: str) -> AsyncIterator[Aggregation]:
        """Take text in, and yield each piece that it completes.

        Args:
            text: The text.
        """
        by_token = self._aggregation_type == TextType.TOKEN
        for char in text:
            self._text += char
            self._follow_tags()
            if by_token or self._current_tag:
                continue
            sentence = await self._check_sentence_with_lookahead(
                char, protected_end=self._closed_until
            )
            if sentence:
                self._current_tag_index = 0
                self._closed_until = self._end_of_closed_tags()
                yield sentence
        if by_token and not self._current_tag:
            # The end may be half of a start tag, of which the rest is still to come.
            held = longest_trailing_partial_match(self._text, [start for start, _ in self._tags])
            token = self._text[: len(self._text) - held]
            if token:
                self._text = self._text[len(token) :]
                self._current_tag_index = 0
                yield Aggregation(text=token, type=TextType.TOKEN)

    async def flush(self) -> Aggregation | None:
        """Give out what is held, a tag that was never closed included."""
        if self._aggregation_type != TextType.TOKEN:
            return await super().flush()
        text = self._text
        await self.reset()
        return Aggregation(text=text, type=TextType.TOKEN) if text else None

    async def handle_interruption(self) -> None:
        """Forget what is held."""
        await super().handle_interruption()
        self._forget_tags()

    async def reset(self) -> None:
        """Go back to the beginning."""
        await super().reset()
        self._forget_tags()

    def _forget_tags(self) -> None:
        self._current_tag = None
        self._current_tag_index = 0
        self._closed_until = 0

    def _follow_tags(self) -> None:
        """See what the character just appended opens or closes."""
        if self._text.endswith(tuple(end for _, end in self._tags)):
            self._closed_until = len(self._text)
        self._current_tag, self._current_tag_index = parse_start_end_tags(
            self._text, self._tags, self._current_tag, self._current_tag_index
        )
        if self._current_tag is None:
            self._pass_plain_text()

    def _pass_plain_text(self) -> None:
        """Look no more at text without tags, but for what may be half of one."""
        longest = max((len(tag) for pair in self._tags for tag in pair), default=1)
        plain = len(self._text) - longest + 1
        if plain <= self._current_tag_index:
            return
        fresh = self._text[self._current_tag_index :]
        if not any(tag in fresh for pair in self._tags for tag in pair):
            self._current_tag_index = plain

    def _end_of_closed_tags(self) -> int:
        ends = [(self._text.rfind(end), end) for _, end in self._tags]
        return max((at + len(end) for at, end in ends if at >= 0), default=0)
