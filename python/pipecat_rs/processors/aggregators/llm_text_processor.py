"""From a language model's tokens to sentences, for all that comes behind."""

from __future__ import annotations

from typing import Any

from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    TextType,
    TTSStoppedFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.processors.text_transforming import TextTransforming
from pipecat_rs.utils.text.base_text_aggregator import Aggregation, BaseTextAggregator
from pipecat_rs.utils.text.pattern_pair_aggregator import PatternMatch
from pipecat_rs.utils.text.simple_text_aggregator import SimpleTextAggregator
from pipecat_rs.utils.text.transforms.text_transform import TextTransform


class LLMTextProcessor(TextTransforming):
    """Turns `LLMTextFrame`s into `AggregatedTextFrame`s, and may change their text.

    What it changes is changed for the voice, the context and the client. Functions that change
    only what is spoken are given to the text-to-speech service.
    """

    handles = (LLMTextFrame, LLMFullResponseEndFrame, TTSStoppedFrame)

    def __init__(
        self,
        *,
        text_aggregator: BaseTextAggregator | None = None,
        text_transforms: list[tuple[TextType | str, TextTransform]] | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a processor.

        Args:
            text_aggregator: What puts tokens together; None for sentences.
            text_transforms: Functions that change text, each behind the type of text it is for, or
                ``*``. What they leave nothing of is left out.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(text_transforms=text_transforms, **kwargs)
        self._text_aggregator = text_aggregator or SimpleTextAggregator()
        self._skip_tts: bool | None = None

    async def reset(self) -> None:
        """Forget the text that is held."""
        await self._text_aggregator.reset()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Gather a token, or push what is held ahead of what ends it.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        match frame:
            case LLMTextFrame():
                self._skip_tts = frame.skip_tts
                async for aggregation in self._text_aggregator.aggregate(frame.text):
                    await self._push(aggregation, frame.skip_tts)
                return
            case LLMFullResponseEndFrame():
                await self._flush(frame.skip_tts)
            case TTSStoppedFrame():
                # A service that speaks by itself stops before its answer ends. What is held was
                # spoken, so it belongs ahead of the stop.
                await self._flush(self._skip_tts)
            case EndFrame():
                await self._flush(None)
            case InterruptionFrame():
                await self._text_aggregator.handle_interruption()
            case _:
                pass
        await self.push_frame(frame, direction)

    async def _flush(self, skip_tts: bool | None) -> None:
        rest = await self._text_aggregator.flush()
        if rest is not None:
            await self._push(rest, skip_tts)

    async def _push(self, aggregation: Aggregation, skip_tts: bool | None) -> None:
        text = await self._changed(aggregation)
        if text is None:
            return
        frame = AggregatedTextFrame(text, aggregation.type, raw_text=_raw_text(aggregation, text))
        frame.skip_tts = skip_tts
        await self.push_frame(frame)

    async def _changed(self, aggregation: Aggregation) -> str | None:
        """Return the text as it is to be, or None if it is to be left out."""
        text = await self._transformed(aggregation.text, aggregation.type)
        return text if text == aggregation.text or (text and text.strip()) else None


def _raw_text(aggregation: Aggregation, text: str) -> str:
    """Return what the context gets: a marked passage keeps its marks around what it has become."""
    if not isinstance(aggregation, PatternMatch):
        return text
    before, found, after = aggregation.full_match.partition(aggregation.text)
    return f"{before}{text}{after}" if found else text
