"""Text without Markdown, found by converting it."""

import builtins
from collections.abc import Iterator
from typing import Any

import pytest
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.utils.text.markdown_text_filter import MarkdownTextFilter

pytestmark = pytest.mark.filterwarnings("ignore:`MarkdownTextFilter`:DeprecationWarning")

TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"


def make(**params: Any) -> MarkdownTextFilter:
    return MarkdownTextFilter(MarkdownTextFilter.InputParams(**params))


async def filtered(text_filter: MarkdownTextFilter, *texts: str) -> list[str]:
    return [await text_filter.filter(text) for text in texts]


@pytest.mark.filterwarnings("default:`MarkdownTextFilter`:DeprecationWarning")
def test_it_is_deprecated():
    with pytest.warns(DeprecationWarning, match="Use `strip_markdown` instead"):
        MarkdownTextFilter()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("**Hello** and *world*", "Hello and world"),
        ("  two ", "  two "),
        ("word ", "word "),
        ("# Title\n\nText", "Title\n Text"),
        ("## Closed ##\nx", "Closed\nx"),
        ("Intro\n\n## Head  ", "Intro\nHead  "),
        ("1. First", "1. First"),
        ("2. second\n3. third", "2. second\n3. third"),
        ("`code` here", "code here"),
        ("a ```b``` c", "a b c"),
        ("- one\n- two", "\none\ntwo\n"),
        ("> quoted", "\nquoted\n"),
        ("[label](https://x.y)", "label"),
        ("https://pipecat.ai/x", "pipecat.ai/x"),
        ("aaaaaa!", "!"),
        ("a & b < c", "a & b < c"),
        ("&lt;b&gt;", "<b>"),
        ("<b>x</b>", "x"),
        ("a * b", "a  b"),
        ("a\n\nb", "a\n b"),
        ("line  \nnext", "line  \nnext"),
        ("----\nx", "\nx"),
        ("~~x~~", "~~x~~"),
        (TABLE, " a  b \n\n 1  2 "),
        ("§ 5", "§ 5"),
        ("\ue000 \ue001 ", "\ue000 \ue001 "),
        ("   ", "   "),
        ("", ""),
    ],
)
async def test_plain_text(text: str, plain: str):
    assert await make().filter(text) == plain


async def test_words_of_a_stream_keep_their_spaces():
    assert "".join(await filtered(make(), "**One** ", "two ", "_three_")) == "One two three"


async def test_code_is_left_out_also_across_texts():
    text_filter = make(filter_code=True)
    assert await filtered(text_filter, "Look: ```py", "x = 1", "``` done") == ["Look:", "", "done"]
    assert await filtered(text_filter, "```x", "y```z", "after") == ["", "z", "after"]
    assert await filtered(text_filter, "a ``` b ```` c") == ["a  ` c"]


async def test_tables_are_left_out_also_across_texts():
    text_filter = make(filter_tables=True)
    parts = [TABLE, "text", "<table><tr>", "inside", "</table> out", "text"]
    assert await filtered(text_filter, *parts) == ["", "text", "", "", "out", "text"]
    assert text_filter.remove_tables("a<TABLE>b</table>c<table>d") == "ac"
    assert text_filter.remove_tables("e") == ""


async def test_an_interruption_forgets_what_is_open():
    text_filter = make(filter_code=True, filter_tables=True)
    assert await filtered(text_filter, "a ```b", "<table>") == ["a", ""]
    await text_filter.handle_interruption()
    await text_filter.reset_interruption()
    assert await filtered(text_filter, "new", "text") == ["new", "text"]


async def test_until_it_goes_on_nothing_is_left_out():
    text_filter = make(filter_code=True)
    await text_filter.handle_interruption()
    assert await text_filter.filter("a ```b") == "a ```b"
    await text_filter.reset_interruption()
    assert await text_filter.filter("a ```b") == "a"


async def test_settings():
    assert await make(enable_text_filter=False).filter("**a**") == "**a**"
    text_filter = make(filter_repeated_sequences=False)
    assert await text_filter.filter("aaaaaa!") == "aaaaaa!"
    await text_filter.update_settings({"filter_repeated_sequences": True, "unknown": 1})
    assert await text_filter.filter("aaaaaa!") == "!"


@pytest.fixture
def without_markdown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    load = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "markdown":
            raise ImportError(name)
        return load(name, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", refuse)
        yield


@pytest.mark.usefixtures("without_markdown")
def test_a_missing_package_is_named():
    with pytest.raises(MissingDependencyError, match=r"pipecat-rs\[text\]"):
        MarkdownTextFilter()


async def test_long_text_keeps_its_words():
    text = " ".join(f"word{n}" for n in range(2000))
    assert await make().filter(text) == text


@pytest.mark.parametrize("piece", ["[", "1. ", "> ", "\n", " ", "a ", "<table>", "-\n", "*"])
async def test_odd_text_takes_no_more_than_its_length(piece: str):
    # In one piece, the converter would take minutes for it, or run out of stack.
    text = piece * (8000 // len(piece))
    assert isinstance(await make(filter_code=True, filter_tables=True).filter(text), str)
