"""Text as it is gathered for speaking: sentence ends, tags, parts put together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipecat_rs.utils.text.sentence_boundary import (
    SENTENCE_ENDING_PUNCTUATION,
    UNAMBIGUOUS_SENTENCE_ENDING_PUNCTUATION,
    match_endofsentence,
    resolve_sentence_tokenizer_language,
)

__all__ = [
    "SENTENCE_ENDING_PUNCTUATION",
    "UNAMBIGUOUS_SENTENCE_ENDING_PUNCTUATION",
    "StartEndTags",
    "TextPartForConcatenation",
    "concatenate_aggregated_text",
    "longest_trailing_partial_match",
    "match_endofsentence",
    "parse_start_end_tags",
    "replace_match",
    "resolve_sentence_tokenizer_language",
]

StartEndTags = tuple[str, str]
"""The two strings between which text is left whole."""


def replace_match(text: str, match: re.Match[str], old: str, new: str) -> str:
    """Return the text with a substring replaced inside a match only.

    Args:
        text: The text.
        match: A match in it.
        old: The substring.
        new: What comes in its place.
    """
    return f"{text[: match.start()]}{match[0].replace(old, new)}{text[match.end() :]}"


def parse_start_end_tags(
    text: str,
    tags: Sequence[StartEndTags],
    current_tag: StartEndTags | None,
    current_tag_index: int,
) -> tuple[StartEndTags | None, int]:
    """Follow tags through a text that grows.

    Args:
        text: The text so far.
        tags: The pairs to look for.
        current_tag: The pair that is open, or None.
        current_tag_index: Where to go on looking.

    Returns:
        The pair that is open at the end of the text, or None, and where to go on looking.
    """
    fresh = text[current_tag_index:]
    if current_tag is not None:
        return (None, len(text)) if current_tag[1] in fresh else (current_tag, current_tag_index)
    for tag in tags:
        starts, ends = fresh.count(tag[0]), fresh.count(tag[1])
        if starts > ends:
            return tag, len(text)
        if starts and starts == ends:
            return None, len(text)
    return None, current_tag_index


def longest_trailing_partial_match(text: str, candidates: Sequence[str]) -> int:
    """Return how many characters at the end of a text may be the beginning of a candidate.

    Args:
        text: The text so far.
        candidates: Strings that the text may be about to contain.

    Returns:
        The length of the longest ending of the text that begins a candidate without being one.
    """
    return max(
        (
            length
            for candidate in candidates
            for length in range(min(len(text), len(candidate) - 1), 0, -1)
            if text.endswith(candidate[:length])
        ),
        default=0,
    )


@dataclass
class TextPartForConcatenation:
    """A part of a text.

    Attributes:
        text: The part.
        includes_inter_part_spaces: Whether it brings the spaces that separate it from its
            neighbours.
    """

    text: str
    includes_inter_part_spaces: bool

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}(text: [{self.text}], "
            f"includes_inter_part_spaces: {self.includes_inter_part_spaces})"
        )


def concatenate_aggregated_text(text_parts: list[TextPartForConcatenation]) -> str:
    """Put parts together into one text, with a space wherever neither side brings one.

    Two parts that both bring their spaces are joined as they are: they are pieces of words.
    """
    result = ""
    last: TextPartForConcatenation | None = None
    for part in text_parts:
        if not part.text:
            continue
        if last is not None and _needs_space(last, part):
            result += " "
        result += part.text
        last = part
    return result.strip()


def _needs_space(left: TextPartForConcatenation, right: TextPartForConcatenation) -> bool:
    if left.includes_inter_part_spaces != right.includes_inter_part_spaces:
        return not (left.text[-1].isspace() or right.text[0].isspace())
    return not left.includes_inter_part_spaces
