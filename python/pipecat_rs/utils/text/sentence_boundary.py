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

_CLOSERS = "\"'”’»›)]}」』】）"


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
    "min max avg tel ext bzw usw evtl ggf inkl exkl sog vgl"
)
"""Abbreviations that may also end a sentence."""
_NEVER_LAST = _words("e.g i.e eg ie viz p.s z.b d.h u.a p.ej")
"""Abbreviations that announce what follows."""
_STARTERS = _words(
    "the this that these those there then they their he his she her it its we our you your my "
    "and but so or if when while where what who why how which did do does is are was were "
    "can could will would should have has had let please yes no not now today tomorrow "
    "in on at for from with after before because although however also as an"
)
"""Words which begin a sentence far more often than they follow an abbreviation as a name."""
_ORDINALS_TAKE_A_STOP = _words("de da nb nn no fi cs sk pl hu hr sl sr et lv tr is")
"""Languages that write the third as "3."."""

_CANDIDATE = re.compile(
    rf"(?P<blank>\n[ \t]*\n)|(?P<mark>[{re.escape(''.join(SENTENCE_ENDING_PUNCTUATION))}]+)"
    rf"(?P<closers>[{re.escape(_CLOSERS)}]*)"
)
_WORD_BEFORE = re.compile(r"[^\s\"'“‘«‹(\[{]+$")
_WORD_AFTER = re.compile(r"[\s\"'“‘«‹(\[{¿¡]*([^\W\d_]+)")
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
    text = text.rstrip()
    code = resolve_sentence_tokenizer_language(language)
    for candidate in _CANDIDATE.finditer(text):
        before = text[: candidate.start()]
        if candidate["blank"]:
            if before.strip():
                return len(before.rstrip())
        elif candidate.end() == len(text):
            return len(text)
        elif before.strip() and _ends_sentence(text, candidate, code):
            return candidate.end()
    return 0


def _ends_sentence(text: str, candidate: re.Match[str], language: str) -> bool:
    """Return whether a sentence ends at punctuation that text follows."""
    mark = candidate["mark"]
    if mark[-1] in UNAMBIGUOUS_SENTENCE_ENDING_PUNCTUATION:
        return True
    after = text[candidate.end() :]
    following = after.lstrip()
    goes_on_small = following[:1].islower()
    touches = len(following) == len(after)
    if mark[-1] in "!?":
        # "Hi!" she said; https://example.com?page=1
        return following[:1].isupper() if touches else not (candidate["closers"] and goes_on_small)
    if mark[-1] == ";" or touches:
        # A semicolon only ends what is spoken when nothing follows; a stop needs its space.
        return False
    if mark != ".":
        return not goes_on_small
    word = _WORD_BEFORE.search(text[: candidate.start()])
    return not _stop_belongs_to_word(word[0] if word else "", text, candidate, language)


def _stop_belongs_to_word(word: str, text: str, candidate: re.Match[str], language: str) -> bool:
    """Return whether a full stop only marks the word before it as short."""
    small = word.lower()
    if small.isdigit():
        # "1. First": a list, if the number begins a line; "3. Juli": an ordinal.
        line = text[: candidate.start()].rsplit("\n", 1)[-1].strip()
        return line == word or (len(word) <= 2 and language in _ORDINALS_TAKE_A_STOP)
    if small in _TITLES or small in _NEVER_LAST:
        return True
    after = _WORD_AFTER.match(text, candidate.end())
    next_word = after[1] if after else ""
    if _DOTTED.fullmatch(word):
        return next_word[:1].islower()
    if small in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()):
        return not (next_word[:1].isupper() and next_word.lower() in _STARTERS)
    return False
