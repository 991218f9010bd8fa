"""Gathering tokens into sentences (rule 115) and other pieces."""

import pytest
from pipecat_rs.utils.text.base_text_aggregator import BaseTextAggregator, TextType
from pipecat_rs.utils.text.pattern_pair_aggregator import (
    MatchAction,
    PatternMatch,
    PatternPairAggregator,
)
from pipecat_rs.utils.text.simple_text_aggregator import SimpleTextAggregator
from pipecat_rs.utils.text.skip_tags_aggregator import SkipTagsAggregator


async def pieces(aggregator: BaseTextAggregator, *tokens: str) -> list[str]:
    return [piece.text for token in tokens async for piece in aggregator.aggregate(token)]


async def all_pieces(aggregator: BaseTextAggregator, *tokens: str) -> list[str]:
    done = await pieces(aggregator, *tokens)
    rest = await aggregator.flush()
    return done + ([rest.text] if rest else [])


async def test_a_sentence_waits_for_what_follows():
    aggregator = SimpleTextAggregator()
    assert await pieces(aggregator, "Hello Pipecat!", " ") == []
    assert aggregator.text.text == "Hello Pipecat!"
    assert await pieces(aggregator, "H") == ["Hello Pipecat!"]
    rest = await aggregator.flush()
    assert rest is not None
    assert (rest.text, rest.type) == ("H", TextType.SENTENCE)
    assert await aggregator.flush() is None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "sentences",
    [
        ["Ask me for only $29.95/month.", "It is cheap!", "Really?"],
        ["Hello Mr. Smith.", "How is Dr. No?"],
        ["This is between you and I.", "Did you see Albert I. Douglas?", "No."],
        ["We met at 3 p.m. sharp.", "Then we left."],
        ["Wait...", "What was that?"],
        ["1. Take it.", "2. Leave it."],
        ['She said "no."', "He said nothing."],
        ["It is at example.com/a?b=c today.", "Go there."],
    ],
)
async def test_sentences_come_out_whole_however_the_text_comes_in(sentences: list[str], size: int):
    text = " ".join(sentences)
    tokens = [text[at : at + size] for at in range(0, len(text), size)]
    assert await all_pieces(SimpleTextAggregator(), *tokens) == sentences


async def test_scripts_without_spaces():
    tokens = ["你好", "世界", "。", "下一", "句话", "。"]
    assert await all_pieces(SimpleTextAggregator(), *tokens) == ["你好世界。", "下一句话。"]


async def test_tokens_pass():
    aggregator = SimpleTextAggregator(aggregation_type=TextType.TOKEN)
    assert await all_pieces(aggregator, "Hel", "lo", "", " you") == ["Hel", "lo", " you"]


@pytest.mark.parametrize("forget", ["handle_interruption", "reset"])
async def test_interruption_and_reset_forget(forget: str):
    for aggregator in (
        SimpleTextAggregator(),
        SkipTagsAggregator([("<a>", "</a>")]),
        PatternPairAggregator().add_pattern("a", "<a>", "</a>"),
    ):
        await pieces(aggregator, "Hello. <a>Wor")
        await getattr(aggregator, forget)()
        assert aggregator.text.text == ""
        assert await all_pieces(aggregator, "New. Text") == ["New.", "Text"]


def test_language():
    aggregator = SimpleTextAggregator(language="de-DE")
    assert aggregator.language == "de"
    aggregator.set_language(None)
    assert aggregator.language == "en"
    assert aggregator.aggregation_type is TextType.SENTENCE


async def test_no_sentence_ends_inside_tags():
    aggregator = SkipTagsAggregator([("<spell>", "</spell>")])
    text = "My email is <spell>foo. Bar@pipecat.ai</spell>. Mail me"
    assert await all_pieces(aggregator, *text) == [
        "My email is <spell>foo. Bar@pipecat.ai</spell>.",
        "Mail me",
    ]


async def test_an_unclosed_tag_is_not_lost():
    assert await all_pieces(SkipTagsAggregator([("<a>", "</a>")]), "So. <a>It. Is") == [
        "So.",
        "<a>It. Is",
    ]


async def test_tokens_with_tags_come_in_one_piece():
    aggregator = SkipTagsAggregator([("<a>", "</a>")], aggregation_type=TextType.TOKEN)
    assert await pieces(aggregator, "So ", "<", "a>It", " is", "</a", "> so") == [
        "So ",
        "<a>It is</a> so",
    ]
    assert await all_pieces(aggregator, " <", "b") == [" ", "<b"]
    assert await all_pieces(aggregator, "<a>open") == ["<a>open"]


class Matches:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    async def __call__(self, match: PatternMatch) -> None:
        self.seen.append((match.type, match.text, match.full_match))


async def test_a_removed_passage_is_told_and_taken_out():
    matches = Matches()
    aggregator = PatternPairAggregator().add_pattern("think", "<t>", "</t>")
    aggregator.on_pattern_match("think", matches)
    assert await all_pieces(aggregator, *"Well <t> hm. Or so </t>yes. No") == ["Well yes.", "No"]
    assert matches.seen == [("think", "hm. Or so", "<t> hm. Or so </t>")]


async def test_a_kept_passage_stays_and_is_not_split():
    matches = Matches()
    aggregator = PatternPairAggregator().add_pattern("spell", "<s>", "</s>", MatchAction.KEEP)
    aggregator.on_pattern_match("spell", matches)
    text = "Spell <s>St. The</s> now. Then go"
    assert await all_pieces(aggregator, *text) == ["Spell <s>St. The</s> now.", "Then go"]
    assert len(matches.seen) == 1


async def test_an_aggregated_passage_is_a_piece_of_its_own():
    aggregator = PatternPairAggregator().add_pattern("code", "```", "```", MatchAction.AGGREGATE)
    found = [p async for p in aggregator.aggregate("Look: ```a = 1. B```and then. So")]
    assert [(p.type, p.text) for p in found] == [
        ("sentence", "Look:"),
        ("code", "a = 1. B"),
        ("sentence", "and then."),
    ]


async def test_what_is_never_closed():
    removing = PatternPairAggregator().add_pattern("t", "<t>", "</t>")
    assert await all_pieces(removing, "Hello <t>secret") == ["Hello"]
    assert await all_pieces(removing, "Hello <") == ["Hello"]
    keeping = PatternPairAggregator().add_pattern("t", "<t>", "</t>", MatchAction.KEEP)
    assert await all_pieces(keeping, "Hello <t>open") == ["Hello <t>open"]


async def test_the_open_passage_has_its_type():
    aggregator = PatternPairAggregator().add_pattern("t", "<t>", "</t>")
    await pieces(aggregator, "<t>sec")
    assert aggregator.text.type == "t"


async def test_tokens_with_patterns():
    aggregator = PatternPairAggregator(aggregation_type=TextType.TOKEN)
    aggregator.add_pattern("t", "<t>", "</t>")
    assert await pieces(aggregator, "Hel", "lo <", "t>x", "</t>", "!") == ["Hel", "lo ", "!"]


async def test_a_failing_handler_is_logged(caplog: pytest.LogCaptureFixture):
    async def fails(match: PatternMatch) -> None:
        raise ValueError("bad handler")

    aggregator = PatternPairAggregator().add_pattern("t", "<t>", "</t>")
    aggregator.on_pattern_match("t", fails)
    assert await all_pieces(aggregator, "a<t>b</t>c") == ["ac"]
    assert "bad handler" in caplog.text


def test_built_in_types_are_no_patterns():
    with pytest.raises(ValueError, match="sentence"):
        PatternPairAggregator().add_pattern("sentence", "<", ">")


AGGREGATORS = (
    SimpleTextAggregator(),
    SkipTagsAggregator([("<a>", "</a>"), ("spell(", ")")]),
    PatternPairAggregator().add_pattern("a", "<a>", "</a>", MatchAction.KEEP),
)


STOPS_THAT_END_NOTHING = ["e.g. ", "a. ", "a; ", "Dr. ", "x.y ", "... ", "<", "a", " ", "1. "]


@pytest.mark.parametrize("aggregator", AGGREGATORS, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("piece", STOPS_THAT_END_NOTHING)
async def test_long_text_that_does_not_end(aggregator: BaseTextAggregator, piece: str):
    # All of it used to be looked at again at each stop: 2,000 characters took 9 seconds.
    text = piece * (20_000 // len(piece))
    found = await all_pieces(aggregator, text)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


async def test_a_passage_taken_out_between_stops_that_end_nothing():
    aggregator = PatternPairAggregator().add_pattern("t", "<t x>", "</t>")
    text = "Ask Dr. Who or e.g. <t x>hidden. Text</t>me. Then go"
    assert await all_pieces(aggregator, *text) == ["Ask Dr. Who or e.g. me.", "Then go"]


async def test_a_closed_tag_stays_closed_after_a_sentence():
    aggregator = SkipTagsAggregator([("<a>", "</a>")])
    text = "One <a>x. Y</a> two. Three <a>z. Z</a> four. <a>v. W</a>. Five"
    assert await all_pieces(aggregator, *text) == [
        "One <a>x. Y</a> two.",
        "Three <a>z. Z</a> four.",
        "<a>v. W</a>.",
        "Five",
    ]
