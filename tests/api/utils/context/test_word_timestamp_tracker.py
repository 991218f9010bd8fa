"""When the words of speech are heard."""

import pytest
from pipecat_rs.utils.context.word_timestamp_tracker import WordTimestamp, WordTimestampTracker


def test_words_wait_until_the_audio_begins():
    times = WordTimestampTracker()
    word = WordTimestamp("Hi", 0.5, "a")
    times.cache(word)
    assert not times.started
    with pytest.raises(RuntimeError, match="not begun"):
        times.pts(0.5)

    assert times.start(1_000) == [word]
    assert times.started
    assert times.pts(word.timestamp) == 500_001_000
    assert times.start(2_000) == []
    assert times.pts(0) == 1_000


def test_words_do_not_come_ahead_of_those_before_them():
    times = WordTimestampTracker()
    times.start(0)
    times.last_pts = times.pts(2.0)
    times.cache(WordTimestamp("lost", 0.0, "a"))
    times.reset()
    assert times.start(1) == []
    assert times.pts(0) == 2_000_000_000


def test_the_last_word_of_an_answer():
    times = WordTimestampTracker()
    assert times.reply_last_pts is None
    times.last_pts = 5
    assert times.reply_last_pts == 5
    times.start_reply()
    assert times.reply_last_pts is None
