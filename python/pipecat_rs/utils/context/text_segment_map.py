"""How far speech has come: in what is spoken, in what is shown, and in what the model wrote."""

from __future__ import annotations

import unicodedata

from pipecat_rs.utils.context.text_segments import TextSegment, cut_into_segments
from pipecat_rs.utils.context.word_fit import Fit, WordFit, fit_word
from pipecat_rs.utils.text.alnum_utils import (
    advance_by_alnums,
    advance_by_chars,
    alnum_only,
    has_alnum,
)
from pipecat_rs.utils.text.markup_utils import strip_complete_markup

__all__ = ["TextSegment", "TextSegmentMap"]


class TextSegmentMap:
    """Follows the words that a service reports through three forms of one text.

    What is *spoken* may have tags and numbers in words; what is *shown* is the same for the eye;
    what the *model wrote* has marks around it that neither of the others has. Where spoken and
    shown are alike, all positions go along word by word. Where they are not ("five dollars" for
    "$5"), those in the other two wait, and pass the whole piece when its last word has come.

    The model's text has two positions. One is how far reports have come; the other is how far the
    text belongs to words that were reported, and takes in the comma behind a word, for which no
    report may come.

    Attributes:
        LOOKAHEAD_WORDS: Number of words that may be skipped to find a reported one, as the
            reports of these may have been lost.
    """

    LOOKAHEAD_WORDS = 3

    def __init__(self, tts_text: str, original_text: str, llm_text: str | None = None) -> None:
        """Compare the texts.

        Args:
            tts_text: What is spoken.
            original_text: What is shown.
            llm_text: What the model wrote; None for what is shown. Its letters and digits are
                those of what is shown.
        """
        self._tts_text = tts_text
        self._original_text = original_text
        self._llm_text = original_text if llm_text is None else llm_text
        self._segments = cut_into_segments(tts_text, original_text)
        self.reset()

    def reset(self) -> None:
        """Go back to the beginning of the text."""
        self._index = 0
        self._segment_begin = 0  # of the segment at hand, in what is spoken
        self._within = 0  # the position in that segment
        self._user_facing_pos = 0
        self._llm_pos = 0
        self._llm_spoken_pos = 0
        self._forget_word()

    # ---- positions

    @property
    def raw_pos(self) -> int:
        """Position in what is spoken."""
        return self._segment_begin + self._within

    @property
    def user_facing_pos(self) -> int:
        """Position in what is shown."""
        return self._user_facing_pos

    @property
    def llm_pos(self) -> int:
        """Position in what the model wrote, up to which it belongs to words that came."""
        return self._llm_pos

    @property
    def llm_spoken_pos(self) -> int:
        """Position in what the model wrote, up to which words have come."""
        return self._llm_spoken_pos

    @property
    def is_complete(self) -> bool:
        """Whether no word is to come any more.

        What is left may be tags and signs. Only a sign with a space before it, as French has it,
        is still waited for: services report it as a word.
        """
        if self._index == len(self._segments):
            return True
        rest = self._segments[self._index].tts[self._within :]
        later = self._segments[self._index + 1 :]
        return not (has_alnum(rest) or _is_sign_apart(rest) or any(has_alnum(s.tts) for s in later))

    @property
    def in_transformed_segment(self) -> bool:
        """Whether a piece has begun in whose middle the other texts have no position."""
        if self._index == len(self._segments) or not self._within:
            return False
        return self._segments[self._index].is_transformed

    # ---- the last word

    @property
    def last_completed_segment(self) -> TextSegment | None:
        """The piece that the last word has completed, if it has."""
        return self._completed

    @property
    def last_overflow(self) -> str | None:
        """The end of the last word that lies behind the text, if it does."""
        return self._overflow

    @property
    def last_leading_duplicate(self) -> int:
        """Number of characters ahead in the last word that an earlier one had brought."""
        return self._duplicate

    # ---- words

    def advance_word(self, word: str) -> None:
        """Take a word that was reported.

        Args:
            word: The word, in whatever spelling.
        """
        self._forget_word()
        if not word:
            return
        self._duplicate = self._brought_before(word)
        fits, rest = self._find(word)
        for fit in fits:
            segment = self._segments[self._index]
            if fit.kind in (Fit.WITHIN, Fit.UNKNOWN):
                self._move_to(segment, self._within + fit.advance)
            else:
                self._move_to(segment, len(segment.tts))
        self._overflow = rest or None

    def word_belongs_current_segment(self, word: str) -> bool:
        """Return whether a word may be what is spoken next; if not, it is about another text.

        Args:
            word: The word.
        """
        if not word:
            return True
        if self._index < len(self._segments):
            fits, _ = self._find(word)
            if not fits or fits[-1].kind is not Fit.UNKNOWN:
                return True
        return not has_alnum(word) and self._may_be_next_sign(word)

    def _forget_word(self) -> None:
        self._completed: TextSegment | None = None
        self._overflow: str | None = None
        self._duplicate = 0

    def _find(self, word: str) -> tuple[list[WordFit], str]:
        """Return how a word fits each segment from here on, and what is left of it at the end."""
        fits: list[WordFit] = []
        within = self._within
        for segment in self._segments[self._index :]:
            if not word:
                break
            fit = fit_word(segment.tts[within:], word, reach=self.LOOKAHEAD_WORDS)
            fits.append(fit)
            if fit.kind in (Fit.WITHIN, Fit.UNKNOWN):
                return fits, ""
            word = word[fit.used :]
            within = 0
        return fits, word

    def _brought_before(self, word: str) -> int:
        """Count the signs at the beginning of a word that the model's text has right before it."""
        end = next(
            (i for i, c in enumerate(word) if not (c.isspace() or _is_punctuation(c))), len(word)
        )
        signs = word[:end].strip()
        if end == len(word) or not signs:
            return 0
        return end if self._llm_text[: self._llm_pos].endswith(signs) else 0

    def _may_be_next_sign(self, word: str) -> bool:
        # From the signs on that the last word may have taken along.
        begin = at = self.raw_pos
        while begin and not _ends_signs(self._tts_text[begin - 1]):
            begin -= 1
        if word in self._tts_text[begin:]:
            return True
        if self._index == len(self._segments):
            return False
        # A service may report another sign than the one that it was given.
        rest = self._tts_text[at:].lstrip()
        return bool(rest) and not rest[0].isalnum()

    # ---- moving on

    def _move_to(self, segment: TextSegment, within: int) -> None:
        if not segment.is_transformed:
            self._keep_pace(segment, within)
        elif not has_alnum(segment.tts[within:]):
            within = len(segment.tts)  # no word comes for a closing tag
        self._within = within
        if within < len(segment.tts):
            return
        if segment.is_transformed:
            self._pass_whole(segment)
        self._completed = segment
        self._index += 1
        self._segment_begin += len(segment.tts)
        self._within = 0

    def _keep_pace(self, segment: TextSegment, within: int) -> None:
        crossed = segment.tts[self._within : within]
        count = len(alnum_only(crossed))
        if count:
            self._user_facing_pos = advance_by_alnums(
                self._original_text, self._user_facing_pos, count
            )
        else:
            # A sign by itself: there is nothing to count, but both texts have the same place.
            self._user_facing_pos = segment.original_start + len(segment.tts[:within].rstrip())
        self._llm_spoken_pos = advance_by_chars(self._llm_text, self._llm_spoken_pos, len(crossed))
        self._llm_pos = max(
            self._llm_spoken_pos, advance_by_alnums(self._llm_text, self._llm_pos, count)
        )

    def _pass_whole(self, segment: TextSegment) -> None:
        self._user_facing_pos = segment.original_end
        self._llm_pos = self._llm_spoken_pos = advance_by_alnums(
            self._llm_text, self._llm_pos, segment.original_alnum_count
        )


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] == "P"


def _ends_signs(char: str) -> bool:
    return char.isalnum() or char.isspace() or char == ">"


def _is_sign_apart(rest: str) -> bool:
    rest = strip_complete_markup(rest)
    sign = rest.lstrip()[:1]
    return rest[:1].isspace() and bool(sign) and _is_punctuation(sign)
