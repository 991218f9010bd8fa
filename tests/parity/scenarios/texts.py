"""Text on its way to a voice and back: transforms, filters, markup, words and their times."""

# ruff: noqa: RUF001 - the characters of all scripts are meant

from __future__ import annotations

from typing import Any

from kit import Observed, raised, scenario
from pipecat.frames.frames import AggregatedTextFrame, TTSTextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.utils.context.aggregated_frame_sequencer import AggregatedFrameSequencer
from pipecat.utils.context.audio_context_manager import AudioContextManager
from pipecat.utils.context.llm_context_summarization import LLMContextSummarizationUtil
from pipecat.utils.context.word_completion_tracker import WordCompletionTracker
from pipecat.utils.context.word_timestamp_tracker import WordTimestamp, WordTimestampTracker
from pipecat.utils.network import QuickFailureTracker, exponential_backoff_time
from pipecat.utils.security.allowed_origins import is_origin_allowed
from pipecat.utils.security.redaction import redact_secrets
from pipecat.utils.security.ssrf import classify_url_reachability
from pipecat.utils.text import alnum_utils, markup_utils, phonemes
from pipecat.utils.text.markdown_text_filter import MarkdownTextFilter
from pipecat.utils.text.word_timestamp_utils import merge_punct_tokens

ODD_TEXTS = (
    "",
    "Hello, world!",
    "Café Ünïcode naïve",
    "“Quoted” — it’s…",
    "   spaced   out  ",
    "123-456",
    "你好，世界。",
    "...",
    "C++ & C#",
    "don't!?",
    "straße Œuvre",
)

MARKED = (
    "plain",
    "a <b>bold</b> word",
    "<break time='1s'/>after",
    "open <spell>A B",
    "1 < 2 and 3 > 2",
    "<a><b>x</b></a>y",
    "half <tag",
    "",
)


@scenario()
async def letters_and_digits() -> Observed:
    return {
        text: [
            alnum_utils.alnum_only(text),
            alnum_utils.has_alnum(text),
            alnum_utils.fold_typography(text),
            alnum_utils.fold_for_matching(text),
            alnum_utils.strip_trailing_punctuation(text),
            [alnum_utils.advance_by_alnums(text, 0, n) for n in (0, 1, 3)],
            [alnum_utils.advance_by_chars(text, 0, n) for n in (0, 1, 3)],
        ]
        for text in ODD_TEXTS
    }


@scenario()
async def markup() -> Observed:
    return {
        text: [
            markup_utils.strip_markup(text),
            markup_utils.strip_complete_markup(text),
            markup_utils.split_markup_runs(text),
            [markup_utils.raw_offset_after_clean_chars(text, n) for n in (0, 1, 4)],
        ]
        for text in MARKED
    }


@scenario()
async def phones() -> Observed:
    words = ("həˈloʊ", "ˈwɜːld", "tʃiːz", "t͡ʃiːz", "ˌʌndəˈstænd", "", "aɪ", "dʒʌdʒ", "kæt")
    return {
        word: [
            phonemes.normalize_ipa(word),
            phonemes.ipa_phones(word),
            [phonemes.is_ipa_vowel(p) for p in phonemes.ipa_phones(word)],
            phonemes.stress_before_vowels(phonemes.ipa_phones(word)),
        ]
        for word in words
    }


@scenario()
async def marks_join_their_words() -> Observed:
    cases = [
        [("Hello", 0.1), (",", 0.2), ("world", 0.3), ("!", 0.4)],
        [("¿", 0.0), ("Qué", 0.1), ("?", 0.2)],
        [("a", 0.0), ("-", 0.1), ("b", 0.2)],
        [],
        [(".", 0.1)],
    ]
    return {str(n): [list(w) for w in merge_punct_tokens(case)] for n, case in enumerate(cases)}


MARKDOWN = (
    "**bold** and *italic* and `code`",
    "# Title\n\nText",
    "- one\n- two",
    "1. one\n2. two",
    "[link](https://example.com) and more",
    "> quoted",
    "a * b * c",
    "~~gone~~ __strong__ _soft_",
    "Price: $5 & more",
    "snake_case_name stays",
    "![picture](x.png)",
    "line one\nline two",
    "trailing space ",
    " leading space",
)


@scenario()
async def markdown_is_taken_out() -> Observed:
    return {text: await MarkdownTextFilter().filter(text) for text in MARKDOWN}


@scenario()
async def code_and_tables_are_taken_out() -> Observed:
    text = "Before ```python\nprint(1)\n``` after"
    table = "See\n| a | b |\n|---|---|\n| 1 | 2 |\ndone"
    params = MarkdownTextFilter.InputParams(filter_code=True, filter_tables=True)
    off = MarkdownTextFilter.InputParams(enable_text_filter=False)
    return {
        "code": await MarkdownTextFilter(params).filter(text),
        "table": await MarkdownTextFilter(params).filter(table),
        "off": await MarkdownTextFilter(off).filter("**x**"),
        "code kept": await MarkdownTextFilter().filter(text),
    }


SPOKEN = {
    "acronyms": ("NASA and the FBI", "U.S.A. is", "PDF file", "I am OK", "A", "AIDS and HTML5"),
    "currency": ("$5", "$1.50 only", "$1,234.56", "€20", "£3.5", "$1", "$0.99", "costs 5 dollars"),
    "dates": ("2024-01-15", "on 01/15/2024.", "12/31/99", "2024-13-45", "1/2/2023"),
    "email": ("a.b@example.com", "mail john_doe+x@mail.co.uk now", "no mail @home"),
    "percentages": ("50%", "12.5% off", "100 %", "%", "-3%"),
    "phone": ("555-123-4567", "(555) 123-4567", "+1 555 123 4567", "call 911", "12345"),
    "units": ("5 km", "10kg", "3 ft", "20 mph", "5 min", "98.6 °F", "1 km", "5 GB"),
}


@scenario()
async def text_as_it_is_said() -> Observed:
    from pipecat.utils.text import transforms

    functions = {
        "acronyms": transforms.normalize_acronyms,
        "currency": transforms.expand_currency,
        "dates": transforms.normalize_dates,
        "email": transforms.email_to_speech,
        "percentages": transforms.expand_percentages,
        "phone": transforms.expand_phone_numbers,
        "units": transforms.expand_units,
    }
    observed = {
        f"{name}: {text}": await function(text, "sentence")
        for name, function in functions.items()
        for text in SPOKEN[name]
    }
    numbers = transforms.expand_numbers()
    for text in ("5", "42 cats", "1234", "2026", "1,000,000", "3.14", "-7", "0", "007", "2nd"):
        observed[f"numbers: {text}"] = await numbers(text, "sentence")
    replace = transforms.replace_text([("foo", "bar"), ("API", "A P I")])
    for text in ("foo fighters", "Foo", "the API, food", "api"):
        observed[f"replaced: {text}"] = await replace(text, "sentence")
    strip = transforms.StripMarkdown()
    for text in MARKDOWN:
        observed[f"stripped: {text}"] = await strip(text, "sentence")
    return observed


@scenario()
async def everything_at_once() -> Observed:
    from pipecat.utils.text.transforms import VoiceFormatter

    voice = VoiceFormatter()
    texts = (
        "**Call** 555-123-4567, it costs $5.50.",
        "On 2024-01-15 NASA got 50% of 3 km.",
        "Mail me@example.com: https://example.com/x",
        "Nothing special here.",
    )
    return {text: await voice(text, "sentence") for text in texts}


def followed(tracker: Any, *words: str) -> list[Any]:
    steps = []
    for word in words:
        done = tracker.add_word_and_check_complete(word)
        steps.append(
            [
                word,
                done,
                tracker.get_word_for_frame(),
                tracker.get_overflow_word(),
                tracker.get_accumulated_tts_text(),
                tracker.get_remaining_tts_text(),
                tracker.get_llm_consumed(),
            ]
        )
    return steps


@scenario()
async def words_complete_a_text() -> Observed:
    return {
        "plain": followed(
            WordCompletionTracker("Hello there, friend."), "Hello", "there,", "friend."
        ),
        "bare": followed(WordCompletionTracker("Hello there, friend."), "Hello", "there", "friend"),
        "overflow": followed(WordCompletionTracker("Hello there."), "Hello", "there.Next"),
        "changed": followed(
            WordCompletionTracker("It is five dollars.", llm_text="It is $5."),
            "It",
            "is",
            "five",
            "dollars.",
        ),
        "markup": followed(
            WordCompletionTracker("Say <b>this</b> now.", llm_text="Say <b>this</b> now."),
            "Say",
            "this",
            "now.",
        ),
        "belongs": [
            WordCompletionTracker("Hello there.").word_belongs_here(word)
            for word in ("Hello", "there", "Else", "")
        ],
    }


@scenario()
async def times_of_words() -> Observed:
    tracker = WordTimestampTracker()
    word = WordTimestamp("early", 0.5, "context")
    observed: Observed = {"started": tracker.started}
    tracker.cache(word)
    cached = tracker.start(1_000_000_000)
    observed["cached"] = [[w.word, w.timestamp] for w in cached]
    observed["pts"] = [tracker.pts(s) for s in (0.0, 0.5, 1.25)]
    observed["last"] = tracker.reply_last_pts
    tracker.reset()
    observed["after"] = tracker.started
    return observed


def told(frames: list[Any]) -> list[Any]:
    return [[type(f).__name__, getattr(f, "text", None), f.pts] for f in frames]


@scenario()
async def texts_keep_their_order() -> Observed:
    sequencer = AggregatedFrameSequencer()
    steps: list[Any] = []
    first = AggregatedTextFrame("Hello there.", "sentence")
    skipped = AggregatedTextFrame("x = 1", "code")
    second = AggregatedTextFrame("Bye now.", "sentence")
    await sequencer.register_spoken(first, "c", first.text, True)
    steps.append(told(await sequencer.register_skipped(skipped, "c", None)))
    await sequencer.register_spoken(second, "c", second.text, True)
    for n, word in enumerate(("Hello", "there.", "Bye", "now.")):
        steps.append(told(sequencer.process_word(word, n + 1, "c")))
    steps.append(told(sequencer.flush()))
    return {"steps": steps}


@scenario()
async def what_is_interrupted_is_left_out() -> Observed:
    sequencer = AggregatedFrameSequencer()
    frame = AggregatedTextFrame("Hello there.", "sentence")
    await sequencer.register_spoken(frame, "c", frame.text, True)
    first = told(sequencer.process_word("Hello", 1, "c"))
    sequencer.clear()
    return {"first": first, "after": told(sequencer.flush())}


@scenario()
async def audio_of_contexts() -> Observed:
    manager = AudioContextManager()
    await manager.create("one")
    await manager.create("two")
    observed: Observed = {"ids": list(manager.context_ids), "available": manager.available("one")}
    await manager.append("one", TTSTextFrame("x", aggregated_by="word"))
    item = await manager.get("one", 1.0)
    manager.remove("two")
    observed |= {"item": item.text, "left": list(manager.context_ids)}
    observed["unknown"] = manager.available("three")
    manager.reset()
    return observed | {"after": list(manager.context_ids)}


@scenario()
async def contexts_are_summarized() -> Observed:
    context = LLMContext(
        [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "one " * 10},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
            {"role": "assistant", "content": "four"},
        ]
    )
    util = LLMContextSummarizationUtil
    observed: Observed = {
        "tokens": [util.estimate_tokens(t) for t in ("", "word", "a longer text with words")],
        "context": util.estimate_context_tokens(context),
    }
    for keep in (0, 1, 2, 10):
        found = util.get_messages_to_summarize(context, keep)
        observed[f"keep {keep}"] = [len(found.messages), found.last_summarized_index]
    found = util.get_messages_to_summarize(context, 1)
    observed["text"] = util.format_messages_for_summary(found.messages)
    return observed


@scenario()
async def waiting_longer_each_time() -> Observed:
    return {
        "default": [exponential_backoff_time(n) for n in range(8)],
        "own": [exponential_backoff_time(n, 1, 60, 0.5) for n in range(8)],
    }


@scenario()
async def quick_failures() -> Observed:
    tracker = QuickFailureTracker(min_stable_duration=5.0, max_consecutive_failures=2)
    steps = [str(tracker.record(seconds)).rpartition(".")[2] for seconds in (1, 2, 10, 1, 1, 1)]
    tracker.reset()
    return {"steps": steps, "after": str(tracker.record(1)).rpartition(".")[2]}


@scenario()
async def origins() -> Observed:
    allowed = ["https://a.example", "http://localhost:3000"]
    asked = ("https://a.example", "https://A.example", "https://b.example", "", "null")
    return {
        "asked": [is_origin_allowed(origin, allowed) for origin in asked],
        "any": is_origin_allowed("https://b.example", ["*"]),
        "none": is_origin_allowed("https://b.example", []),
        "none and no origin": is_origin_allowed("", []),
    }


@scenario()
async def addresses_that_may_be_reached() -> Observed:
    urls = (
        "http://127.0.0.1/x",
        "http://10.0.0.1",
        "http://[::1]/",
        "http://169.254.169.254/latest",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://8.8.8.8/",
        "not a url",
        "http://0.0.0.0",
    )
    return {url: str((await classify_url_reachability(url)).value) for url in urls}


@scenario()
async def secrets_are_hidden() -> Observed:
    texts = (
        "nothing secret",
        "Authorization: Bearer abcdefghijklmnop",
        "api_key=sk-1234567890abcdef failed",
        "https://user:password@example.com/x",
        "token: 'xyz123456'",
        '{"api_key": "secret-value-1"}',
        "?key=AIzaSyA1234567890&x=1",
    )
    secrets = ("abcdefgh", "sk-1234", "password", "xyz123", "secret-value", "AIzaSy")
    seen = {text: redact_secrets(text) for text in texts}
    return {
        text: {"same": seen[text] == text, "told": [s for s in secrets if s in seen[text]]}
        for text in texts
    }


@scenario()
async def names_of_tools_that_cancel() -> Observed:
    from pipecat.utils.async_tool_cancellation import build_cancel_tool_schema, cancel_tool_name

    schema = build_cancel_tool_schema("look_up")
    return {
        "name": cancel_tool_name("look_up"),
        "schema": [schema.name, sorted(schema.properties), schema.required],
        "wrong": raised(cancel_tool_name) is not None,
    }
