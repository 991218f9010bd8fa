"""Text without the signs of Markdown."""

import pytest
from pipecat_rs.utils.text.transforms import StripMarkdown, strip_markdown


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("**Hello** and _world_", "Hello and world"),
        ("***a*** ___b___ **c** __d__ *e* _f_", "a b c d e f"),
        ("`code` and ``x``", "code and `x`"),
        ("```py\ncode\n```after", "after"),
        ("a ```open", "a ```open"),
        ("a ```b``` c ```d", "a  c ```d"),
        ("~~~\nx\n~~~y", "y"),
        ("# Title\n## Sub #\n#no\n####### seven", "Title\nSub #\n#no\n####### seven"),
        ("- one\n  + two\n* three\n-four", "one\n  two\nthree\n-four"),
        ("1. one", "1. one"),
        ("> quote\n>more\n>", "quote\nmore\n"),
        ("---\ntext\n* * *\n___", "text\n"),
        (
            "[label](http://x.y) ![alt](z.png) [no] (x) [a][b] [c](d",
            "label alt [no] (x) [a][b] [c](d",
        ),
        ("[[a](b)](c)", "[a](c)"),
        ("![](x)", ""),
        ("It is ~~wrong~~ right", "It is right"),
        ("a ~~ b ~~ c", "a ~~ b ~~ c"),
        ("2*3*4 and 2**3", "2*3*4 and 2**3"),
        (r"\*not\* it", "*not* it"),
        ("Press * then #", "Press * then #"),
        ("*open", "*open"),
        ("*a *b* c", "a *b c"),
        ("a*b*c", "abc"),
        ("snake_case_name and _it_", "snake_case_name and it"),
        ("**bold *it* end**", "bold it end"),
        ("line *one\ntwo* end", "line *one\ntwo* end"),
        # Characters for private use are nobody else's.
        ("a\ue000b 2*3", "a\ue000b 2*3"),
        ("👍 **ok** 👍", "👍 ok 👍"),
        ("", ""),
    ],
)
async def test_plain_text(text: str, plain: str):
    assert await strip_markdown(text, "*") == plain


async def test_addresses_of_links_stay_if_wanted():
    keeping = StripMarkdown(strip_urls=False)
    assert await keeping("**b** [label](http://x.y)", "*") == "b [label](http://x.y)"


@pytest.mark.parametrize(
    "piece",
    [
        *("[", "[a](", "](", "![", ")", "(", "[]", "[a](b)"),
        *("*", "*a ", "**a", "_a ", " _a", "__a", "~~a ", " ~~a", "1*", "\\*"),
        *("`", "```", "~~~", "#", "# ", "#\n", ">\n", "> ", "- ", "-\n", "* _ ", " ", "\n", "\t"),
    ],
)
async def test_long_text_takes_no_more_than_its_length(piece: str):
    # Looking for an end behind each mark would take the square of it, which is minutes here.
    text = piece * (200_000 // len(piece)) + "x"
    assert (await strip_markdown(text, "*")).endswith("x")
