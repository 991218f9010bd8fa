"""What changes text of some type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pipecat_rs.frames.text import TextType

__all__ = ["TextTransform"]

TextTransform = Callable[[str, str | TextType], Awaitable[str]]
"""A function that is awaited with a text and its type, and returns the text to use.

A speech service has it change what is spoken, and leaves the context as it was written. An
`LLMTextProcessor` has it change what everybody behind it sees.
"""
