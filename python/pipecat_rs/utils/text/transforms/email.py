"""Mail addresses as they are said."""

from __future__ import annotations

import re

from pipecat_rs.frames.text import TextType

__all__ = ["email_to_speech"]

# What may be the name is taken as a whole, with or without a domain behind it: else a long word
# would be searched for an "@" from each of its letters.
_NAME_OR_ADDRESS = re.compile(
    r"(?P<name>[a-zA-Z0-9._%+-]++)(?:@(?P<domain>[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}))?"
)
_IN_NAME = {".": " dot ", "_": " underscore ", "-": " dash ", "+": " plus "}
_IN_DOMAIN = {".": " dot ", "-": " dash "}


async def email_to_speech(text: str, text_type: str | TextType) -> str:
    """Return a text with mail addresses spelled out: "user at example dot com".

    Args:
        text: The text.
        text_type: Its type; it makes no difference.
    """
    return _NAME_OR_ADDRESS.sub(_spelled_out, text)


def _spelled_out(match: re.Match[str]) -> str:
    name, domain = match["name"], match["domain"]
    if domain is None:
        return name
    return f"{_with_words(name, _IN_NAME)} at {_with_words(domain, _IN_DOMAIN)}"


def _with_words(part: str, words: dict[str, str]) -> str:
    return part.translate(str.maketrans(words))
