"""Where a sentence ends, in text that may still grow.

A full stop is the hard case: it also ends abbreviations, initials and ordinal numbers, and
stands inside numbers and addresses. The rules look at the word before it and at what follows.
They need no data beyond the small tables here, and take the text as it comes: whoever streams
text asks again once more of it is there.
"""

# ruff: noqa: RUF001 - the characters of all scripts are meant

from __future__ import annotations

import re

SENTENCE_ENDING_PUNCTUATION: frozenset[str] = frozenset(
    ".!?;…"  # Latin, Greek, Cyrillic, Hebrew, Georgian
    "。？！；．｡"  # Chinese, Japanese, Korean
    "।॥"  # Indic scripts
    "؟؛۔؏"  # Arabic, Persian, Urdu
    "၊။"  # Myanmar
    "។៕"  # Khmer
    "໌"  # Lao
    "།༎"  # Tibetan
    "։՜՞"  # Armenian
    "።፧፨"  # Ethiopic
)
"""The characters that may end a sentence."""

UNAMBIGUOUS_SENTENCE_ENDING_PUNCTUATION: frozenset[str] = SENTENCE_ENDING_PUNCTUATION - set(".!?;…")
"""Those which end one wherever they stand."""

_CLOSERS = "\"'”’»›“‘«‹)]}」』】）"
"""Those that open a quotation in another language count too: an opening one has a space before."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TITLES = _words(
    "mr mrs ms mx dr prof rev hon fr gen col maj capt cpt lt sgt cmdr gov sen rep pres "
    "sr sra srta dra ud uds mme mlle sig hr"
)
"""Abbreviations that stand before a name: what follows them is capital anyway."""
_ABBREVIATIONS = _words(
    "st ave blvd rd mt ft inc ltd co corp llc jr bros dept univ assn est "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun "
    "no nr nos vol fig figs eq sec ch art pp pg p par ed eds trans vs etc al cf ca approx "
    "min max avg tel ext uu bzw usw evtl ggf inkl exkl sog vgl"
)
"""Abbreviations that may also end a sentence."""
_NEVER_LAST = _words("e.g i.e eg ie viz p.s z.b d.h u.a p.ej ee")
"""Abbreviations that announce what follows."""
_STARTERS = _words(
    "the this that these those there then they their he his she her it its we our you your my "
    "and but so or if when while where what who why how which did do does is are was were "
    "can could will would should have has had let please yes no not now today tomorrow "
    "in on at of for from with after before because although however also as an"
)
"""Words which begin a sentence far more often than they follow an abbreviation as a name."""
_NO_INITIALS = _words("a.d a.m b.c d.c e.u l.a n.y p.m u.k u.n u.s")
"""Two letters that may end a sentence, as they are no first names."""
_ORDINALS_TAKE_A_STOP = _words("de da nb nn no fi cs sk pl hu hr sl sr et lv tr is")
"""Languages that write the third as "3."."""

_SPACE = re.compile(r"\s*")
_CANDIDATE = re.compile(
    rf"(?P<blank>\n[ \t]*\n)|(?P<mark>[{re.escape(''.join(SENTENCE_ENDING_PUNCTUATION))}]+)"
    # French has a space before the mark; a German one there opens a quotation.
    rf"(?P<closers>[{re.escape(_CLOSERS)}]*(?:[ \u00a0\u202f][»›](?!\w))?)"
)
_OPENERS = "\"'“‘«‹([{"
_WORD_AFTER = re.compile(r"[\s\"'“‘«‹(\[{¿¡]*([^\W\d_]+)")
_TWO_INITIALS = re.compile(r"[A-Z]\.[A-Z]")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,3}\.)+[^\W\d_]{1,3}")


def resolve_sentence_tokenizer_language(language: str | None) -> str:
    """Return a language tag's language in lower case, without region; English if none is set."""
    if not isinstance(language, str):
        return "en"
    base = re.split(r"[-_]", language.strip().lower(), maxsplit=1)[0]
    return "en" if base in ("", "auto") else base


def match_endofsentence(text: str, *, language: str | None = None) -> int:
    """Return where the first sentence of a text ends.

    A sentence at the end of the text counts if sentence-ending punctuation stands there, though
    the text may go on: "3." may become "3.14".

    Args:
        text: The text.
        language: Code or tag of its language; English if None.

    Returns:
        The index behind the sentence, or 0 if no sentence has ended.
    """
    return end_of_sentence(text, resolve_sentence_tokenizer_language(language))


def end_of_sentence(text: str, language: str, *, known_until: int = 0) -> int:
    """Return where the first sentence of a text ends, or 0, as `match_endofsentence` does.

    Args:
        text: The text.
        language: Code of its language.
        known_until: An index before which no sentence ends, as an earlier call has found.
    """
    text = text.rstrip()
    first = _end_of_space(text, 0)
    for candidate in _CANDIDATE.finditer(text, known_until):
        if candidate["blank"]:
            if candidate.start() > first:
                return len(text[: candidate.start()].rstrip())
        elif candidate.end() == len(text):
            return len(text)
        elif candidate.start() > first and _ends_sentence(text, candidate, language):
            return candidate.end()
    return 0


def _ends_sentence(text: str, candidate: re.Match[str], language: str) -> bool:
    """Return whether a sentence ends at punctuation that text follows."""
    mark = candidate["mark"]
    if mark[-1] in UNAMBIGUOUS_SENTENCE_ENDING_PUNCTUATION:
        return True
    after = _end_of_space(text, candidate.end())
    touches = after == candidate.end()
    if mark[-1] in "!?" and touches:  # https://example.com?page=1
        return text[after].isupper()
    if candidate["closers"] and text[after].islower():  # "Hi!" she said. "Hello." he said.
        return False
    if mark[-1] in "!?":
        return True
    if mark[-1] == ";" or touches:
        # A semicolon only ends what is spoken when nothing follows; a stop needs its space.
        return False
    if mark != ".":
        return not text[after].islower()
    return not _stop_belongs_to_word(_word_before(text, candidate.start()), candidate, language)


def _stop_belongs_to_word(word: str, candidate: re.Match[str], language: str) -> bool:
    """Return whether a full stop only marks the word before it as short."""
    text, small = candidate.string, word.lower()
    if small.isdigit():
        # "1. First": a list, if the number begins a line; "3. Juli": an ordinal.
        begins_line = _begins_line(text, candidate.start() - len(word))
        return begins_line or (len(word) <= 2 and language in _ORDINALS_TAKE_A_STOP)
    if small in _TITLES or small in _NEVER_LAST:
        return True
    after = _WORD_AFTER.match(text, candidate.end())
    next_word = after[1] if after else ""
    begins_new = next_word[:1].isupper() and next_word.lower() in _STARTERS
    if _TWO_INITIALS.fullmatch(word) and small not in _NO_INITIALS:
        return not begins_new
    if _DOTTED.fullmatch(word):
        return next_word[:1].islower()
    return not begins_new and (small in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))


def _end_of_space(text: str, begin: int) -> int:
    space = _SPACE.match(text, begin)
    return space.end() if space else begin


def _word_before(text: str, end: int) -> str:
    begin = end
    while begin and not (text[begin - 1].isspace() or text[begin - 1] in _OPENERS):
        begin -= 1
    return text[begin:end]


def _begins_line(text: str, at: int) -> bool:
    while at and text[at - 1] != "\n" and text[at - 1].isspace():
        at -= 1
    return at == 0 or text[at - 1] == "\n"
