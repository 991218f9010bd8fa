"""The text that a text-to-speech service speaks: in what pieces, and how each is put."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pipecat_rs.frames.frames import AggregatedTextFrame, TextType
from pipecat_rs.processors.text_transforming import TextTransforming
from pipecat_rs.services.ai_service import AIService
from pipecat_rs.services.settings import is_given
from pipecat_rs.utils.text.base_text_aggregator import Aggregation
from pipecat_rs.utils.text.base_text_filter import BaseTextFilter
from pipecat_rs.utils.text.pattern_pair_aggregator import PatternMatch
from pipecat_rs.utils.text.simple_text_aggregator import SimpleTextAggregator
from pipecat_rs.utils.text.transforms.pronunciations import (
    PronunciationTransform,
    pronunciation_transform,
)
from pipecat_rs.utils.text.transforms.text_transform import TextTransform

_logger = logging.getLogger(__name__)


class TextAggregationMode(StrEnum):
    """What pieces of text are spoken.

    Attributes:
        SENTENCE: Whole sentences: it sounds natural.
        TOKEN: Tokens as they come: it begins earlier, if the service copes with them.
    """

    SENTENCE = "sentence"
    TOKEN = "token"


class SpokenText(TextTransforming, AIService):
    """Base of a service that gathers text and has it changed just before it is spoken.

    The context and the client get it as it was written.
    """

    def __init__(
        self,
        *,
        text_aggregation_mode: TextAggregationMode | None = None,
        text_filters: Sequence[BaseTextFilter] | None = None,
        append_trailing_space: bool = False,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            text_aggregation_mode: What pieces of text are spoken; sentences by default.
            text_filters: What changes text ahead of the transforms.
            append_trailing_space: Whether a space is added to each sentence.
            **kwargs: For `TextTransforming` and `AIService`.
        """
        super().__init__(**kwargs)
        self._text_aggregation_mode = text_aggregation_mode or TextAggregationMode.SENTENCE
        self._text_aggregator = SimpleTextAggregator(
            aggregation_type=TextType(self._text_aggregation_mode.value),
            language=self._settings.language if is_given(self._settings.language) else None,
        )
        self._text_filters = text_filters or []
        self._append_trailing_space = append_trailing_space
        self._skips_pronunciations = False

    @property
    def text_aggregation_language(self) -> str:
        """The language by whose rules sentences are found."""
        return self._text_aggregator.language

    @property
    def _is_streaming_tokens(self) -> bool:
        return self._text_aggregation_mode is TextAggregationMode.TOKEN

    # ---- changing it

    @classmethod
    def format_pronunciation(cls, word: str, ipa: str) -> str | None:
        """Return the provider's markup for a word and how it is said; None if there is none.

        Args:
            word: The word as it stands in the text.
            ipa: How it is said, in IPA.
        """
        return None

    @property
    def supports_pronunciations(self) -> bool:
        """Whether the provider reads such markup with the settings as they are."""
        return True

    @classmethod
    def pronunciation_transform_ipa(
        cls, pronunciations: Mapping[str, str]
    ) -> PronunciationTransform:
        """Return a transform, to be the last one, that has this service say words in a given way.

        Words that the provider has no markup for are logged now, and said as they are written.

        Args:
            pronunciations: Words and how they are said, in IPA.
        """
        return pronunciation_transform(
            pronunciations, cls.format_pronunciation, service_name=cls.__name__
        )

    async def _prepared(self, text: str, text_type: TextType | str) -> str | None:
        """Return text as it is spoken, or None if nothing is left to say."""
        prepared = await self._transformed(text, text_type)
        if prepared is None or self._is_blank(prepared):
            return None
        wants_space = self._append_trailing_space and not self._is_streaming_tokens
        return f"{prepared} " if wants_space and not prepared.endswith(" ") else prepared

    def _is_blank(self, text: str) -> bool:
        # A space may be a token.
        return not (text if self._is_streaming_tokens else text.strip())

    async def _change(self, text: str, text_type: TextType | str) -> str:
        for text_filter in self._text_filters:
            await text_filter.reset_interruption()
            text = await text_filter.filter(text)
        return await super()._change(text, text_type)

    def _applies(self, transform: TextTransform) -> bool:
        """Return whether the provider reads what a transform writes; say once if it does not."""
        if not isinstance(transform, PronunciationTransform):
            return True
        supported = self.supports_pronunciations
        if not supported and not self._skips_pronunciations:
            _logger.warning(
                "%s: reads no pronunciations with its model %s; words are said as written",
                self,
                self._settings.model,
            )
        self._skips_pronunciations = not supported
        return supported

    async def _reset_filters(self) -> None:
        for text_filter in self._text_filters:
            await text_filter.handle_interruption()


def frame_of(aggregation: Aggregation) -> AggregatedTextFrame:
    """Return a piece of text as a frame; a marked passage is written with its marks.

    Args:
        aggregation: The piece.
    """
    raw = aggregation.full_match if isinstance(aggregation, PatternMatch) else aggregation.text
    return AggregatedTextFrame(aggregation.text, aggregation.type, raw_text=raw)
