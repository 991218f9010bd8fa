"""Words and their times, as speech services report them."""

from __future__ import annotations

from pipecat_rs.utils.text.alnum_utils import has_alnum

__all__ = ["merge_punct_tokens"]


def merge_punct_tokens(word_times: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return words with the punctuation that was reported behind them as tokens of its own.

    What comes before the first word is left out, and so are the spaces around each word.

    Args:
        word_times: Tokens, each with its time in seconds.

    Returns:
        The words, each with the time of its first token.
    """
    words: list[tuple[list[str], float]] = []
    for token, timestamp in word_times:
        if has_alnum(token):
            words.append(([token], timestamp))
        elif words:
            words[-1][0].append(token)
    return [("".join(tokens).strip(), timestamp) for tokens, timestamp in words]
