"""Frames of Google's language models: where an answer comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipecat_rs.frames.frames import DataFrame

__all__ = ["LLMSearchOrigin", "LLMSearchResponseFrame", "LLMSearchResult"]


@dataclass
class LLMSearchResult:
    """A piece of an answer that a source supports.

    Attributes:
        text: The piece.
        confidence: How sure the model is of it, from 0 to 1.
    """

    text: str
    confidence: list[float] = field(default_factory=list)


@dataclass
class LLMSearchOrigin:
    """A source.

    Attributes:
        site_uri: Where it is.
        site_title: What it is called.
        results: What it supports.
    """

    site_uri: str | None = None
    site_title: str | None = None
    results: list[LLMSearchResult] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class LLMSearchResponseFrame(DataFrame):
    """The sources of an answer for which the model has searched.

    Attributes:
        search_result: The answer.
        rendered_content: HTML that Google wants shown with it.
        origins: The sources.
    """

    search_result: str | None = None
    rendered_content: str | None = None
    origins: list[LLMSearchOrigin] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.name}(search_result: {self.search_result}, origins: {self.origins})"
