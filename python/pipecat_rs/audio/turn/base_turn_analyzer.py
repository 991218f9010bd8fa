"""Whether a user has finished, judged from the sound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pipecat_rs.metrics.model import Model

if TYPE_CHECKING:
    from pipecat_rs.metrics.metrics import MetricsData


class EndOfTurnState(Enum):
    """What the sound says of the turn.

    Attributes:
        COMPLETE: It is over.
        INCOMPLETE: It may go on.
    """

    COMPLETE = 1
    INCOMPLETE = 2


@dataclass
class BaseTurnParams(Model):
    """The parameters of an analyzer; subclasses add theirs."""


class BaseTurnAnalyzer(ABC):
    """Follows one stream of audio and judges whether the turn in it is over.

    One kind judges all audio as it comes, and answers from `append_audio`. The other gathers it and
    judges when voice activity ends, from `analyze_end_of_turn`.
    """

    def __init__(self, *, sample_rate: int | None = None) -> None:
        """Make an analyzer.

        Args:
            sample_rate: Sample rate in Hz, or None for that of the pipeline's input.
        """
        self._init_sample_rate = sample_rate
        self._sample_rate = 0

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio in Hz; 0 before it is known."""
        return self._sample_rate

    def set_sample_rate(self, sample_rate: int) -> None:
        """Take over the pipeline's sample rate, unless the analyzer has its own.

        Args:
            sample_rate: Sample rate in Hz.
        """
        self._sample_rate = self._init_sample_rate or sample_rate

    @property
    @abstractmethod
    def speech_triggered(self) -> bool:
        """Whether there was speech in this turn."""

    @property
    @abstractmethod
    def params(self) -> BaseTurnParams:
        """The parameters."""

    @abstractmethod
    def append_audio(self, buffer: bytes, is_speech: bool) -> EndOfTurnState:
        """Take audio in.

        Args:
            buffer: The audio: mono, 16-bit.
            is_speech: Whether there is voice in it.

        Returns:
            Whether the turn is over.
        """

    @abstractmethod
    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, MetricsData | None]:
        """Judge what was taken in.

        Returns:
            Whether the turn is over, and how the judgement came about, or None.
        """

    async def load(self) -> None:  # noqa: B027 - not needed by all
        """Load what is needed to judge, before the first audio comes."""

    def update_vad_start_secs(self, vad_start_secs: float) -> None:  # noqa: B027 - not needed by all
        """Learn how much speech has passed before it is reported, to reach back as far.

        Args:
            vad_start_secs: The time in seconds.
        """

    @abstractmethod
    def clear(self) -> None:
        """Forget what was taken in."""

    async def cleanup(self) -> None:  # noqa: B027 - not needed by all
        """Release what the analyzer holds."""
