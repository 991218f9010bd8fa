"""The chunker: pieces of one size, and what an interruption leaves of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat_rs.audio.chunker import AudioChunker

pieces = st.lists(st.tuples(st.binary(max_size=30), st.booleans()), max_size=20)


@given(pieces, st.integers(1, 12))
def test_nothing_is_lost_and_nothing_is_reordered(pieces, size):
    chunker = AudioChunker(size)
    chunks = [c for audio, flag in pieces for c in chunker.push(audio, interruptible=flag)]
    assert all(len(chunk.audio) == size for chunk in chunks)
    rest = chunker.flush()
    whole = b"".join(audio for audio, _ in pieces)
    out = b"".join(chunk.audio for chunk in chunks) + (rest.audio if rest else b"")
    assert out[: len(whole)] == whole
    assert not any(out[len(whole) :])
    assert len(chunker) == 0


@given(pieces, st.integers(1, 12))
def test_an_interruption_leaves_exactly_the_uninterruptible_audio_that_was_held(pieces, size):
    chunker = AudioChunker(size)
    given_out = sum(
        len(c.audio) for audio, flag in pieces for c in chunker.push(audio, interruptible=flag)
    )
    flags = [flag for audio, flag in pieces for _ in audio][given_out:]
    chunker.drop_interruptible()
    assert len(chunker) == flags.count(False)


def test_a_chunk_with_any_uninterruptible_audio_is_uninterruptible():
    chunker = AudioChunker(4)
    chunker.push(b"ab", interruptible=False)
    (chunk,) = chunker.push(b"cd", interruptible=True)
    assert chunk.audio == b"abcd"
    assert not chunk.interruptible


def test_the_last_chunk_is_filled_up_with_silence():
    chunker = AudioChunker(4)
    chunker.push(b"abc")
    assert chunker.flush().audio == b"abc\0"
    assert chunker.flush() is None


def test_a_chunk_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one byte"):
        AudioChunker(0)
