"""One text on its way through a text-to-speech service, word by word."""

from __future__ import annotations

import logging

from pipecat_rs.utils.context.text_segment_map import TextSegmentMap
from pipecat_rs.utils.text.alnum_utils import alnum_only
from pipecat_rs.utils.text.markup_utils import strip_complete_markup, strip_markup

__all__ = ["WordCompletionTracker"]

_logger = logging.getLogger(__name__)


class WordCompletionTracker:
    """Says of each reported word what is to be spoken of it, shown of it and remembered of it.

    The text has three forms: what is spoken (with tags, and numbers in words), what is shown, and
    what the model wrote, which is what is remembered.

    Reports may be lost. A word from further on brings what was skipped. A word that is about
    another text ends this one: what is left of it is taken as spoken, and the word is handed back.
    So is the end of a word that reaches into the next text.
    """

    def __init__(
        self,
        tts_text: str,
        llm_text: str | None = None,
        user_facing_text: str | None = None,
    ) -> None:
        """Begin with a text.

        Args:
            tts_text: What is spoken.
            llm_text: What the model wrote; None if nobody asks for it.
            user_facing_text: What is shown; None for what is spoken without its tags.
        """
        if user_facing_text is None:
            user_facing_text = strip_complete_markup(tts_text)
        self._tts_text = tts_text
        self._llm_text = llm_text
        self._user_facing_text = user_facing_text
        self._map = TextSegmentMap(tts_text, user_facing_text, llm_text)
        self.reset()

    def reset(self) -> None:
        """Go back to the beginning of the text."""
        self._map.reset()
        self._user_facing_pos = 0
        # As in the map: what belongs to words that came, and up to where words have come.
        self._llm_pos = 0
        self._llm_spoken_pos = 0
        self._given_up = False
        self._forget_word()

    # ---- words

    def word_belongs_here(self, word: str) -> bool:
        """Return whether a word may be what comes next; if not, reports were lost.

        Args:
            word: The word.
        """
        return self._map.word_belongs_current_segment(word)

    def add_word_and_check_complete(self, word: str) -> bool:
        """Take a word that was reported.

        Args:
            word: The word, in whatever spelling. Signs that a service reports by themselves are to
                be put to the word before.

        Returns:
            Whether nothing is left to be spoken.
        """
        self._forget_word()
        # A sign at the end may still be reported when all words have come.
        if self._given_up or self._map.raw_pos >= len(self._tts_text):
            _logger.warning("%s: %r comes behind the end of the text", self, word)
            return True
        if not self.word_belongs_here(word):
            self._give_up()
            self._overflow = word
            return True
        self._take(word)
        if self.is_complete:
            # What is left to be shown are tags and signs, which nobody reports.
            self._user_facing_pos = len(self._user_facing_text)
        return self.is_complete

    def take_remaining_as_spoken(self) -> None:
        """Take note that the caller has handed on what is left."""
        self._user_facing_pos = len(self._user_facing_text)
        self._take_llm_text_to_the_end()

    def _forget_word(self) -> None:
        self._word: str | None = None
        self._overflow: str | None = None
        self._llm_consumed: str | None = None

    def _give_up(self) -> None:
        """End the text with all that is left of it; none of that was reported."""
        self._given_up = True
        self._word = self._tts_text[self._map.raw_pos :]
        if self._llm_text is not None:
            self._llm_consumed = self._llm_text[self._llm_spoken_pos :]
        self.take_remaining_as_spoken()

    def _take(self, word: str) -> None:
        begin, llm_begin = self._map.raw_pos, self._llm_pos
        self._map.advance_word(word)
        self._overflow = self._map.last_overflow
        self._word = self._spoken_of(word, self._tts_text[begin : self._map.raw_pos])
        self._user_facing_pos = self._map.user_facing_pos
        has_moved = (self._map.llm_spoken_pos, self._map.llm_pos) != (
            self._llm_spoken_pos,
            self._llm_pos,
        )
        self._llm_spoken_pos, self._llm_pos = self._map.llm_spoken_pos, self._map.llm_pos
        if self._llm_text is None:
            return
        if self.is_complete:
            self._take_llm_text_to_the_end()
        elif self._map.in_transformed_segment:
            return  # the word that ends the piece stands for all of it
        elif not has_moved and self._map.last_completed_segment is None:
            llm_begin = self._take_unknown_sign(word)
        self._llm_consumed = self._llm_text[llm_begin : self._llm_pos]

    def _spoken_of(self, word: str, spoken: str) -> str:
        if len(alnum_only(strip_markup(spoken))) > len(alnum_only(word)):
            return spoken  # nobody reports what was skipped
        begin = 0 if self._llm_text is None else self._map.last_leading_duplicate
        return word[begin : len(word) - len(self._overflow or "")]

    def _take_unknown_sign(self, word: str) -> int:
        """Let a word that is not in the model's text stand for as much of it; return from where."""
        assert self._llm_text is not None
        rest = self._llm_text[self._llm_pos :]
        begin = self._llm_pos + len(rest) - len(rest.lstrip())
        self._llm_pos = begin + len(word)
        return begin

    def _take_llm_text_to_the_end(self) -> None:
        if self._llm_text is not None:
            self._llm_pos = self._llm_spoken_pos = len(self._llm_text)

    # ---- the last word

    def get_word_for_frame(self) -> str | None:
        """Return what is spoken of the last word, and of what was skipped ahead of it."""
        return _stripped(self._word)

    def get_overflow_word(self) -> str | None:
        """Return what belongs to the next text, or None."""
        return _stripped(self._overflow)

    def get_llm_consumed(self) -> str | None:
        """Return what is remembered of the last word: what the model wrote for it, or None."""
        return _stripped(self._llm_consumed) or None

    def suppress_in_context(self) -> bool:
        """Return whether nothing is to be remembered of the last word.

        So it is amid a piece that the model wrote in another way, and of a sign that was remembered
        with the word before.
        """
        if self._map.in_transformed_segment:
            return True
        return self._llm_text is not None and self.get_llm_consumed() is None

    # ---- the text

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be spoken; tags and signs do not count."""
        return self._given_up or self._map.is_complete

    def get_accumulated_user_facing_text(self) -> str:
        """Return what was spoken, as it is shown."""
        return self._user_facing_text[: self._user_facing_pos]

    def get_remaining_user_facing_text(self, strip: bool = True) -> str:
        """Return what is left, as it is shown.

        Args:
            strip: Whether spaces around it are left out.
        """
        rest = self._user_facing_text[self._user_facing_pos :]
        return rest.strip() if strip else rest

    def get_accumulated_tts_text(self) -> str:
        """Return what was spoken, as it was sent to be."""
        return self._tts_text[: self._map.raw_pos]

    def get_remaining_tts_text(self, strip: bool = True) -> str:
        """Return what is left, as it was sent to be spoken.

        Args:
            strip: Whether spaces around it are left out.
        """
        rest = self._tts_text[self._map.raw_pos :]
        return rest.strip() if strip else rest

    def get_accumulated_llm_text(self) -> str | None:
        """Return what was spoken, as the model wrote it; None if nobody asks for it."""
        return None if self._llm_text is None else self._llm_text[: self._llm_spoken_pos]

    def get_remaining_llm_text(self) -> str | None:
        """Return what is left, as the model wrote it; None if nothing is, or nobody asks for it."""
        return None if self._llm_text is None else _rest(self._llm_text, self._llm_spoken_pos)


def _stripped(text: str | None) -> str | None:
    return text and text.strip()


def _rest(text: str, begin: int) -> str | None:
    return text[begin:].strip() or None
