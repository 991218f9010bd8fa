"""Text without the signs of Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipecat_rs.frames.text import TextType
from pipecat_rs.utils.text.stand_ins import stand_ins

__all__ = ["StripMarkdown", "strip_markdown"]

_FENCES = ("```", "~~~")
_LINK = re.compile(r"!?\[(?P<label>[^\]]*+)\](?P<url>\([^)]*\))?")
_CODE = re.compile(r"`([^`]+)`")
_RULE = re.compile(r"^[ \t]*([-*_])(?:[ \t]*\1){2,}[ \t]*$\n?", re.MULTILINE)
_BULLET = re.compile(r"^([ \t]*)[-+*][ \t]+(?=\S)", re.MULTILINE)
_LITERAL_STARS = re.compile(r"\\\*|(?<=\d)\*+(?=\d)")
_LINE_STARTS = (re.compile(r"^#{1,6}\s+", re.MULTILINE), re.compile(r"^>\s?", re.MULTILINE))


@dataclass(frozen=True)
class _Pair:
    """Marks around a part of a line."""

    opening: re.Pattern[str]
    closing: re.Pattern[str]

    @classmethod
    def of(cls, opening: str, closing: str | None = None) -> _Pair:
        return cls(re.compile(opening), re.compile(closing or opening))

    def strip(self, text: str, *, content: bool = True) -> str:
        """Return a text without the marks, and with or without what is between them."""
        lines = (self._strip_line(line, content) for line in text.split("\n"))
        return "\n".join(lines)

    def _strip_line(self, line: str, content: bool) -> str:
        kept = []
        begin = 0
        # A mark that nothing closes is the last one that can open: what closes a later one would
        # close it. So each line is read once.
        while (opening := self.opening.search(line, begin)) and (
            closing := self.closing.search(line, opening.end() + 1)
        ):
            kept.append(line[begin : opening.start()])
            if content:
                kept.append(line[opening.end() : closing.start()])
            begin = closing.end()
        return "".join(kept) + line[begin:]


_STRUCK_OUT = _Pair.of(r"[ \t]?~~(?=\S)", r"(?<=\S)~~")
_EMPHASIS = (
    _Pair.of(r"\*{3}"),
    _Pair.of(r"_{3}"),
    _Pair.of(r"\*{2}"),
    _Pair.of(r"_{2}"),
    _Pair.of(r"\*(?=\S)", r"(?<=\S)\*"),
    _Pair.of(r"\b_", r"_\b"),
)


class StripMarkdown:
    r"""A transform that takes out of a text what Markdown writes and nobody says.

    Emphasis, headings, bullets, quotes and code spans lose their marks. Blocks of code, struck-out
    text and horizontal rules go altogether. Links keep their label, images their description.

    An asterisk stays if it means itself: between digits (``2*3``), between spaces, or as ``\*``.
    """

    def __init__(self, *, strip_urls: bool = True) -> None:
        """Make a transform.

        Args:
            strip_urls: Whether links are reduced to their labels.
        """
        self._strip_urls = strip_urls

    async def __call__(self, text: str, text_type: str | TextType) -> str:
        """Return a text without Markdown.

        Args:
            text: The text.
            text_type: Its type; it makes no difference.
        """
        for fence in _FENCES:
            text = _without_blocks(text, fence)
        if self._strip_urls:
            text = _without_urls(text)
        text = _STRUCK_OUT.strip(_CODE.sub(r"\1", text), content=False)
        text = _BULLET.sub(r"\1", _RULE.sub("", text))
        # An asterisk that means itself is another character while emphasis is looked for.
        (star,) = stand_ins(text, 1)
        text = _LITERAL_STARS.sub(lambda stars: star * stars[0].count("*"), text)
        for pair in _EMPHASIS:
            text = pair.strip(text)
        for line_start in _LINE_STARTS:
            text = line_start.sub("", text)
        return text.replace(star, "*")


strip_markdown = StripMarkdown()
"""A transform that reduces links to their labels."""


def _without_blocks(text: str, fence: str) -> str:
    """Return a text without what is fenced; a fence that is not closed stays."""
    parts = text.split(fence)
    if len(parts) % 2 == 0:
        parts[-2:] = [fence.join(parts[-2:])]
    return "".join(parts[::2])


def _without_urls(text: str) -> str:
    """Return a text with the labels of its links in their place."""
    # Behind the last ")" no link ends, and each "(" would be followed to the end in vain.
    end = text.rfind(")") + 1
    return (
        _LINK.sub(lambda link: link["label"] if link["url"] else link[0], text[:end]) + text[end:]
    )
