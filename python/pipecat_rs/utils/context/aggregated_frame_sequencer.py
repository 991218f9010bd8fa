"""The order of texts that are spoken, and of those between them that are not."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    AggregatedTextProgressFrame,
    Frame,
    TextType,
    TTSTextFrame,
)
from pipecat_rs.utils.context.token_sentences import ThreefoldText, TokenSentences
from pipecat_rs.utils.context.word_completion_tracker import WordCompletionTracker

__all__ = ["AggregatedFrameSequencer"]

_logger = logging.getLogger(__name__)


@dataclass
class _Slot:
    """A text in its place; it leaves when it and all before it are done."""

    frame: AggregatedTextFrame
    context_id: str
    is_spoken: bool
    tracker: WordCompletionTracker | None = None
    transport_destination: str | None = None
    brings_spaces: bool = False
    is_done: bool = False


@dataclass
class _OpenSentence:
    """The sentence of a request that tokens still come for."""

    sentences: TokenSentences
    append_to_context: bool
    has_tracker: bool
    text_type: TextType | str


@dataclass
class _Word:
    """A word as it was reported."""

    word: str
    pts: int
    context_id: str | None
    brings_spaces: bool


class AggregatedFrameSequencer:
    """Turns reported words into frames, and lets texts that are not spoken wait for their turn.

    Texts stand in one line, whichever requests they belong to; words are looked for in the texts of
    their own request, as several may be under way. Words of a request that is over, or was never
    there, are dropped.

    With `streaming`, texts come token by token. They are put together to sentences, which then
    stand in the line, and a word that comes ahead of its sentence waits for it. All tokens of an
    answer have to belong to one request.

    Its methods return the frames to push, in order.
    """

    def __init__(self, name: str = "AggregatedFrameSequencer", streaming: bool = False) -> None:
        """Begin with nothing in line.

        Args:
            name: What it is called in the log.
            streaming: Whether texts come token by token.
        """
        self._name = name
        self._streaming = streaming
        self._slots: list[_Slot] = []
        # The requests under way, each with whether its words join the context.
        self._append_to_context: dict[str, bool] = {}
        self._open_sentences: dict[str, _OpenSentence] = {}
        self._early_words: list[_Word] = []

    def __str__(self) -> str:
        return self._name

    # ---- texts

    async def register_spoken(
        self,
        frame: AggregatedTextFrame,
        context_id: str,
        tts_text: str,
        append_to_context: bool,
        build_tracker: bool = True,
        includes_inter_frame_spaces: bool = False,
        *,
        language: str | None = None,
    ) -> list[Frame]:
        """Put a text in line that is spoken; with `streaming`, add a token to one.

        Args:
            frame: The text.
            context_id: The request that it belongs to.
            tts_text: What is sent to be spoken.
            append_to_context: Whether the words join the context.
            build_tracker: Whether words are reported. If not, the text is done with
                `complete_spoken_slot`; with `streaming`, as soon as it is a sentence.
            includes_inter_frame_spaces: Whether words bring the spaces around them. With
                `streaming` each word says so itself.
            language: Code or tag of the text's language; English if None.
        """
        written = frame.raw_text or frame.text
        text = ThreefoldText(tts_text, written, frame.text)
        if not self._streaming:
            tracker = _tracker_of(text) if build_tracker else None
            slot = _Slot(frame, context_id, True, tracker)
            slot.brings_spaces = includes_inter_frame_spaces
            self._line_up(slot, append_to_context)
            return []
        sentence = self._open_sentences.get(context_id)
        if sentence is None:
            is_token = frame.text_type == TextType.TOKEN
            sentence = self._open_sentences[context_id] = _OpenSentence(
                TokenSentences(language),
                append_to_context,
                build_tracker,
                TextType.SENTENCE if is_token else frame.text_type,
            )
        sentence.sentences.set_language(language)
        frames: list[Frame] = []
        async for complete in sentence.sentences.add(text):
            frames += self._line_up_sentence(complete, context_id, sentence)
        return frames

    async def register_skipped(
        self,
        frame: AggregatedTextFrame,
        context_id: str,
        transport_destination: str | None,
    ) -> list[Frame]:
        """Put a text in line that is not spoken. It ends the sentence before it.

        Args:
            frame: The text.
            context_id: The request that it belongs to.
            transport_destination: Where it goes when its turn has come.
        """
        frames = await self.finalize(context_id)
        frame.context_id = context_id
        slot = _Slot(frame, context_id, False, transport_destination=transport_destination)
        self._slots.append(slot)
        return [*frames, *self.flush()]

    async def finalize(self, context_id: str | None) -> list[Frame]:
        """Take what there is of a sentence for a whole one: no more tokens come.

        Args:
            context_id: The request.
        """
        sentence = self._open_sentences.pop(context_id, None) if context_id is not None else None
        if sentence is None or context_id is None:
            return []
        rest = await sentence.sentences.flush()
        return self._line_up_sentence(rest, context_id, sentence) if rest else []

    def complete_spoken_slot(self) -> list[Frame]:
        """Take the first text in line that is spoken for done, where no words are reported."""
        for slot in self._slots:
            if slot.is_spoken and not slot.is_done:
                slot.is_done = True
                break
        return self.flush()

    def flush(self, last_word_pts: int | None = None) -> list[Frame]:
        """Return the texts whose turn has come.

        Args:
            last_word_pts: When they are shown, in nanoseconds; None for at once.
        """
        frames: list[Frame] = []
        while self._slots and (self._slots[0].is_done or not self._slots[0].is_spoken):
            slot = self._slots.pop(0)
            if not slot.is_spoken:
                slot.frame.append_to_context = True
                slot.frame.transport_destination = slot.transport_destination
                if last_word_pts:
                    slot.frame.pts = last_word_pts
                frames.append(slot.frame)
        return frames

    def force_complete(self, context_id: str, last_word_pts: int) -> list[Frame]:
        """End a request: what no word was reported for is taken as spoken.

        Args:
            context_id: The request.
            last_word_pts: When its last word was heard, in nanoseconds.
        """
        for early in [word for word in self._early_words if word.context_id == context_id]:
            self._early_words.remove(early)
            _logger.warning("%s: %r is in none of the texts", self, early.word)
        frames: list[Frame] = []
        for slot in self._slots:
            if slot.is_spoken and not slot.is_done and slot.context_id == context_id:
                frames += self._rest_of(slot, last_word_pts)
                slot.is_done = True
        frames += self.flush(last_word_pts)
        self._append_to_context.pop(context_id, None)
        self._open_sentences.pop(context_id, None)
        return frames

    def clear(self, *, keep_contexts: set[str] | None = None) -> None:
        """Forget all texts and words.

        Args:
            keep_contexts: The requests that are left as they are.
        """
        kept = keep_contexts or set()
        self._slots = [slot for slot in self._slots if slot.context_id in kept]
        self._early_words = [word for word in self._early_words if word.context_id in kept]
        for contexts in (self._append_to_context, self._open_sentences):
            for context_id in contexts.keys() - kept:
                del contexts[context_id]

    # ---- words

    def process_word(
        self,
        word: str,
        pts: int,
        context_id: str | None,
        includes_inter_frame_spaces: bool = False,
    ) -> list[Frame]:
        """Take a word that was reported.

        A word that is in none of the texts to come is dropped: nobody has written it. A later word
        brings what it should have brought, or `force_complete` does.

        Args:
            word: The word, in whatever spelling.
            pts: When it is heard, in nanoseconds.
            context_id: The request that it belongs to; None if the service knows of none.
            includes_inter_frame_spaces: Whether it brings the spaces around it.
        """
        reported = _Word(word, pts, context_id, includes_inter_frame_spaces)
        if not self._is_under_way(context_id):
            _logger.debug("%s: %r comes after the end of its request", self, word)
            return []
        candidates = [slot for slot in self._slots if _takes_words(slot, context_id)]
        slot = candidates[0] if candidates else None
        if slot is None and not self._streaming:
            return [self._word_frame(reported, word, context_id)]
        if slot is None or not any(_has_place(other, word) for other in candidates[:2]):
            if self._streaming:
                self._early_words.append(reported)
            else:
                _logger.warning("%s: %r is in none of the texts", self, word)
            return []
        return self._word_of(slot, reported)

    def _word_of(self, slot: _Slot, reported: _Word) -> list[Frame]:
        tracker = slot.tracker
        assert tracker is not None
        is_done = tracker.add_word_and_check_complete(reported.word)
        slot.brings_spaces = slot.brings_spaces or reported.brings_spaces
        is_for_context = not tracker.suppress_in_context()
        frames: list[Frame] = []
        text = tracker.get_word_for_frame()
        if text:
            word = self._word_frame(reported, text, slot.context_id, slot)
            word.raw_text = tracker.get_llm_consumed()
            word.append_to_context = word.append_to_context and is_for_context
            frames.append(word)
        if is_for_context:
            frames.append(_progress_frame(slot, reported.pts))
        if is_done:
            slot.is_done = True
            frames += self.flush(reported.pts)
            overflow = tracker.get_overflow_word()
            if overflow:
                frames += self.process_word(
                    overflow, reported.pts, reported.context_id, reported.brings_spaces
                )
        return frames

    def _rest_of(self, slot: _Slot, pts: int) -> list[Frame]:
        text = slot.tracker.get_remaining_tts_text() if slot.tracker else ""
        if slot.tracker is None or not text:
            return []
        written = slot.tracker.get_remaining_llm_text()
        if written and text not in written:
            _logger.warning("%s: %r was spoken, and not %r as written", self, text, written)
            written = None
        word = self._word_frame(_Word(text, pts, None, False), text, slot.context_id, slot)
        word.raw_text = written
        slot.tracker.take_remaining_as_spoken()
        return [word, _progress_frame(slot, pts)]

    # ---- the line

    def _is_under_way(self, context_id: str | None) -> bool:
        return (
            context_id is None
            or context_id in self._append_to_context
            or context_id in self._open_sentences
        )

    def _line_up(self, slot: _Slot, append_to_context: bool) -> None:
        self._append_to_context[slot.context_id] = append_to_context
        self._slots.append(slot)

    def _line_up_sentence(
        self, text: ThreefoldText, context_id: str, sentence: _OpenSentence
    ) -> list[Frame]:
        """Put a sentence made of tokens in line, and announce it."""
        if not text.shown.strip():
            return []
        frame = AggregatedTextFrame(text.shown, sentence.text_type, raw_text=text.llm or None)
        frame.context_id = context_id
        frame.will_be_spoken = True
        # Its words do, or what stands for them.
        frame.append_to_context = False
        tracker = _tracker_of(text) if sentence.has_tracker else None
        self._line_up(_Slot(frame, context_id, True, tracker), sentence.append_to_context)
        frames: list[Frame] = [frame]
        if tracker is None:
            # All tokens have gone to the service, and no words will be reported.
            spoken = TTSTextFrame(
                text.shown, sentence.text_type, raw_text=text.llm or None, segment_id=frame.id
            )
            spoken.context_id = context_id
            spoken.will_be_spoken = True
            spoken.append_to_context = sentence.append_to_context
            frames += [spoken, *self.complete_spoken_slot()]
        early, self._early_words = self._early_words, []
        for word in early:
            frames += self.process_word(word.word, word.pts, word.context_id, word.brings_spaces)
        return frames

    def _word_frame(
        self, reported: _Word, text: str, context_id: str | None, slot: _Slot | None = None
    ) -> TTSTextFrame:
        frame = TTSTextFrame(text, TextType.WORD, segment_id=slot.frame.id if slot else None)
        frame.pts = reported.pts
        frame.context_id = context_id
        if context_id is not None:
            frame.append_to_context = self._append_to_context.get(context_id, True)
        frame.includes_inter_frame_spaces = reported.brings_spaces or (
            slot is not None and slot.brings_spaces
        )
        return frame


def _tracker_of(text: ThreefoldText) -> WordCompletionTracker:
    return WordCompletionTracker(text.tts, llm_text=text.llm, user_facing_text=text.shown)


def _takes_words(slot: _Slot, context_id: str | None) -> bool:
    return slot.tracker is not None and not slot.is_done and context_id in (None, slot.context_id)


def _has_place(slot: _Slot, word: str) -> bool:
    return slot.tracker is not None and slot.tracker.word_belongs_here(word)


def _progress_frame(slot: _Slot, pts: int) -> AggregatedTextProgressFrame:
    assert slot.tracker is not None
    frame = AggregatedTextProgressFrame(
        segment_id=slot.frame.id,
        context_id=slot.context_id,
        text=slot.frame.text,
        text_type=slot.frame.text_type,
        accumulated_text=slot.tracker.get_accumulated_user_facing_text(),
        remaining_text=slot.tracker.get_remaining_user_facing_text(strip=False),
    )
    frame.pts = pts
    return frame
