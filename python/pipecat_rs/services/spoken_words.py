"""Words that a provider says it has spoken: when each is heard, and what the model wrote for it."""

from __future__ import annotations

from collections.abc import Iterator, Set

from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    AggregatedTextProgressFrame,
    Frame,
    TTSTextFrame,
)
from pipecat_rs.utils.context.aggregated_frame_sequencer import AggregatedFrameSequencer
from pipecat_rs.utils.context.word_timestamp_tracker import WordTimestamp, WordTimestampTracker

_SAID = (TTSTextFrame, AggregatedTextProgressFrame)


class SpokenWords:
    """Follows the texts of requests word by word, in the order of playing.

    A provider is given text that transforms have changed, and reports the words of that. Each word
    is looked up in it, so that its frame can carry what the model wrote. Text that is not spoken
    waits until the words before it have been.

    Its methods return the frames to push, in order.
    """

    def __init__(self, name: str, *, reports: bool, streaming: bool) -> None:
        """Begin without text.

        Args:
            name: What it is called in the log.
            reports: Whether words are reported. If not, texts are done as soon as they are added,
                and a word that comes nevertheless stands for itself.
            streaming: Whether texts come token by token.
        """
        self._reports = reports
        self._texts = AggregatedFrameSequencer(name, streaming=reports and streaming)
        self._times = WordTimestampTracker()
        self._last_pts: int | None = None

    @property
    def last_pts(self) -> int | None:
        """When the last word of the request that plays is heard, in nanoseconds; None if none."""
        return self._last_pts

    # ---- texts

    async def add_text(
        self,
        frame: AggregatedTextFrame,
        context_id: str,
        spoken: str,
        *,
        append_to_context: bool,
        language: str | None,
    ) -> list[Frame]:
        """Add a text, before it is given to the provider.

        Args:
            frame: The text as it is written.
            context_id: The request that it belongs to.
            spoken: What the provider is given.
            append_to_context: Whether its words are written to the context.
            language: By whose rules tokens become sentences.
        """
        frames = await self._texts.register_spoken(
            frame,
            context_id,
            spoken,
            append_to_context,
            build_tracker=self._reports,
            language=language,
        )
        return frames if self._reports else [*frames, *self._texts.complete_spoken_slot()]

    async def skip_text(
        self, frame: AggregatedTextFrame, context_id: str, destination: str | None
    ) -> list[Frame]:
        """Add a text that is not spoken.

        Args:
            frame: The text.
            context_id: The request that it belongs to.
            destination: Where it goes.
        """
        return await self._texts.register_skipped(frame, context_id, destination)

    async def finish_text(self, context_id: str) -> list[Frame]:
        """Take note that no more tokens come for a request.

        Args:
            context_id: The request.
        """
        return await self._texts.finalize(context_id)

    # ---- playing

    def begin(self, now: int) -> list[Frame]:
        """Take note that the audio of a request begins.

        Args:
            now: The time in nanoseconds.
        """
        return [frame for word in self._times.start(now) for frame in self.word(word)]

    def announce(self, frame: AggregatedTextFrame, now: int) -> None:
        """Let a text leave by time as its words do, so that none of them comes before it.

        Args:
            frame: The text.
            now: The time in nanoseconds.
        """
        if self._reports and frame.pts is None:
            frame.pts = max(self._times.last_pts, now)

    def word(self, word: WordTimestamp) -> list[Frame]:
        """Take a word of the request that plays; one that comes ahead of its audio waits.

        Args:
            word: The word.
        """
        if not self._times.started:
            self._times.cache(word)
            return []
        return self._texts.process_word(
            word.word,
            self._times.pts(word.timestamp),
            word.context_id,
            word.includes_inter_frame_spaces,
        )

    def note(self, frame: TTSTextFrame) -> None:
        """Take note that a word leaves.

        Args:
            frame: The word, with its time.
        """
        if frame.pts:
            self._last_pts = self._times.last_pts = frame.pts
            if not frame.interruptible:
                self._times.uninterruptible_last_pts = frame.pts

    async def complete(self, context_id: str, *, heard: bool) -> list[Frame]:
        """End the texts of a request.

        Args:
            context_id: The request.
            heard: Whether what no word was reported for was heard all the same: reports may be
                lost. If not, nothing more is said of it.
        """
        frames = await self._texts.finalize(context_id)
        frames += self._texts.force_complete(context_id, self._last_pts or 0)
        return list(_timed(frame for frame in frames if heard or not isinstance(frame, _SAID)))

    def stop(self) -> None:
        """Take note that no request plays any more."""
        self._times.reset()
        self._last_pts = None

    def interrupt(self, *, kept: Set[str], stops: bool) -> None:
        """Forget what an interruption drops.

        Args:
            kept: The requests that it leaves.
            stops: Whether the one that plays is dropped.
        """
        self._texts.clear(keep_contexts=set(kept))
        if stops:
            self.stop()
            # What comes next need not wait for words that are not heard.
            self._times.last_pts = self._times.uninterruptible_last_pts


def _timed(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Yield frames; where no word had a time, they leave behind the audio."""
    for frame in frames:
        frame.pts = frame.pts or None
        yield frame
