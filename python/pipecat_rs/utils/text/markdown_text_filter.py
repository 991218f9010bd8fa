"""Text without Markdown, found by converting it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.utils.deprecation import deprecated
from pipecat_rs.utils.text.base_text_filter import BaseTextFilter
from pipecat_rs.utils.text.stand_ins import stand_ins

__all__ = ["MarkdownTextFilter"]

_FENCE = "```"
# How much is converted at a time, in characters. The converter needs the square of what it gets:
# 0.6 s for so many "[", 2.7 s for twice as many.
_PIECE = 2000

_BLANKS_AND_HEADING = re.compile(r"\n\s*+((?<=\n)#{1,6}[ \t])?")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.*)$", re.MULTILINE)
_CLOSED_HEADING = re.compile(r"(.*[ \t])#+[ \t]*")
_BLANK_LINES = re.compile(r"^\s*\n", re.MULTILINE)
_CODE_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_REPEATED = re.compile(r"(\S)\1{4,}")
_NUMBERED = re.compile(r"(\d+\.)\s")
_SPACES = re.compile(r"\s+")
_TABLE_BEGINS = re.compile("<table>", re.IGNORECASE)
_TABLE_ENDS = re.compile("</table>", re.IGNORECASE)
_TAG = re.compile(r"<[^<]+?>")
_ENTITIES = {"&nbsp;": " ", "&lt;": "<", "&gt;": ">", "&amp;": "&"}
_LONE_STAR = re.compile(r"(^|\s)\*|\*($|\s)")
_DASHES = re.compile(r"^\s*+([-:]+\s*$)?", re.MULTILINE)
_SCHEME = re.compile(r"https?://")


@deprecated(
    "`MarkdownTextFilter` is deprecated since 1.14.0 and will be removed in 2.0.0. "
    "Use `strip_markdown` instead."
)
class MarkdownTextFilter(BaseTextFilter):
    """Takes out of text what Markdown writes and nobody says; spaces at its ends stay.

    Deprecated in pipecat 1.14: `transforms.strip_markdown` does it without a converter. To keep
    blocks of code out of the speech, give them a type with a `PatternPairAggregator`, and that type
    to the service's ``skip_text_types``.
    """

    @dataclass(kw_only=True)
    class InputParams:
        """What is filtered.

        Attributes:
            enable_text_filter: Whether anything is.
            filter_code: Whether blocks of code are left out.
            filter_tables: Whether tables are left out.
            filter_repeated_sequences: Whether a character is left out that comes five times or more
                in a row.
        """

        enable_text_filter: bool | None = True
        filter_code: bool | None = False
        filter_tables: bool | None = False
        filter_repeated_sequences: bool | None = True

    def __init__(self, params: InputParams | None = None, **kwargs: Any) -> None:
        """Make a filter.

        Args:
            params: What is filtered.
            **kwargs: For `BaseTextFilter`.

        Raises:
            MissingDependencyError: If Markdown is not installed.
        """
        super().__init__(**kwargs)
        self._settings = params or self.InputParams()
        self._in_code_block = False
        self._in_table = False
        self._interrupted = False
        self._to_html = _load_converter()

    async def update_settings(self, settings: Mapping[str, Any]) -> None:
        """Change what is filtered.

        Args:
            settings: Fields of `InputParams` and their values; others are ignored.
        """
        for name in {field.name for field in fields(self._settings)} & settings.keys():
            setattr(self._settings, name, settings[name])

    async def filter(self, text: str) -> str:
        """Return a text without Markdown.

        Args:
            text: The text. A block of code or a table may go on in the next one.
        """
        if not self._settings.enable_text_filter:
            return text
        # What the converter would strip, or make a list of, is marked while it works.
        space, number = stand_ins(text, 2)
        html = "".join(
            self._to_html(piece, bool(self._settings.filter_tables)) + separator
            for piece, separator in _pieces(self._prepared(text, space, number))
        )
        if self._settings.filter_tables:
            html = self.remove_tables(html)
        plain = _without_marks(html)
        if self._settings.filter_code:
            plain = self._without_code(plain)
        return _SCHEME.sub("", plain.replace(number, "").replace(space, " "))

    async def handle_interruption(self) -> None:
        """Forget the block or table that was open."""
        self._interrupted = True
        self._in_code_block = False
        self._in_table = False

    async def reset_interruption(self) -> None:
        """Go on after an interruption."""
        self._interrupted = False

    def remove_tables(self, text: str) -> str:
        """Return HTML without its tables, one that began earlier or ends later included.

        Args:
            text: The HTML.
        """
        if self._interrupted:
            self._in_table = False
            return text
        text = _without_whole_tables(text)
        if self._in_table:
            *_, end = (None, *_TABLE_ENDS.finditer(text))
            self._in_table = end is None
            return "" if end is None else text[end.end() :].strip()
        begin = _TABLE_BEGINS.search(text)
        self._in_table = begin is not None
        return (text if begin is None else text[: begin.start()]).strip()

    def _prepared(self, text: str, space: str, number: str) -> str:
        """Return Markdown without what the converter would not understand as it is meant."""
        text = _BLANKS_AND_HEADING.sub(lambda m: f"\n{m[1]}" if m[1] else m[0], text)
        text = _BLANK_LINES.sub(" ", _HEADING.sub(_title, text))
        text = _CODE_SPAN.sub(r"\1", text)
        if self._settings.filter_repeated_sequences:
            text = _REPEATED.sub("", text)
        if numbered := _NUMBERED.match(text):
            text = f"{number}{numbered[1]} {text[numbered.end() :]}"
        text = _SPACES.sub(lambda spaces: _marked(spaces, space), text)
        # A table is one only at the beginning of its line.
        return text.replace(f"{space}| ", "| ")

    def _without_code(self, text: str) -> str:
        if self._interrupted:
            self._in_code_block = False
            return text
        before, fence, after = text.partition(_FENCE)
        if self._in_code_block:
            self._in_code_block = not fence
            return after.strip()
        if not fence:
            return text
        *inside, rest = after.split(_FENCE)
        if inside and before and not before.isspace():
            return f"{before} {rest}".strip()
        self._in_code_block = True
        return before.strip()


def _load_converter() -> Callable[[str, bool], str]:
    """Return a function that makes HTML of Markdown, with tables or without."""
    try:
        from markdown import Markdown
    except ImportError as error:
        raise MissingDependencyError.of(
            "markdown", needed_by="MarkdownTextFilter", extra="text"
        ) from error

    def to_html(text: str, tables: bool) -> str:
        try:
            return Markdown(extensions=["tables"] if tables else []).convert(text)
        except RecursionError:  # some hundred lists inside of each other
            return text

    return to_html


def _title(heading: re.Match[str]) -> str:
    """Return a heading's text, without the marks that may also stand behind it."""
    closed = _CLOSED_HEADING.fullmatch(heading[1])
    return closed[1].rstrip(" \t") if closed else heading[1]


def _marked(spaces: re.Match[str], mark: str) -> str:
    """Return a run of spaces with marks for those at the beginning or the end of a line."""
    run, text = spaces[0], spaces.string
    if spaces.end() == len(text):
        return mark * len(run)
    kept = run.lstrip(" ") if spaces.start() == 0 else run
    # Of several line ends, only the last one is left.
    before, newline, after = kept.rpartition("\n")
    indented = after.lstrip(" ") if newline else after
    marked = mark * (len(run) - len(kept) + len(before))
    return f"{marked}{newline}{mark * (len(after) - len(indented))}{indented}"


def _pieces(text: str) -> list[tuple[str, str]]:
    """Return a text in pieces that the converter can cope with, each with the space behind it."""
    pieces = []
    begin = 0
    while len(text) - begin > _PIECE:
        end = begin + _PIECE
        cut = max(text.rfind("\n", begin, end), text.rfind(" ", begin, end))
        if cut > begin:
            pieces.append((text[begin:cut], text[cut]))
            begin = cut + 1
        else:
            pieces.append((text[begin:end], ""))
            begin = end
    return [*pieces, (text[begin:], "")]


def _without_whole_tables(html: str) -> str:
    kept = []
    begin = 0
    while (first := _TABLE_BEGINS.search(html, begin)) and (
        last := _TABLE_ENDS.search(html, first.end())
    ):
        kept.append(html[begin : first.start()])
        begin = last.end()
    return "".join(kept) + html[begin:]


def _without_marks(html: str) -> str:
    """Return the text of HTML, without what is left of the Markdown."""
    text = _TAG.sub("", html)
    for entity, char in _ENTITIES.items():
        text = text.replace(entity, char)
    text = _LONE_STAR.sub(r"\1\2", text.replace("**", ""))
    return _DASHES.sub(lambda m: "" if m[1] else m[0], text.replace("|", ""))
