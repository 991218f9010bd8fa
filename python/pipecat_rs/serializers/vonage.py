"""Vonage's audio connector."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.wire_format import WireFormatSerializer


class VonageFrameSerializer(WireFormatSerializer):
    """Speaks Vonage's audio connector: 16-bit linear samples as binary messages, events as JSON."""

    _format = "vonage"
    _wire_rate_param = "vonage_sample_rate"

    @dataclass(kw_only=True)
    class InputParams(FrameSerializer.InputParams):
        """Parameters.

        Attributes:
            vonage_sample_rate: Vonage's sample rate in Hz: 8000, 16000 or 24000.
            sample_rate: The pipeline's input rate in Hz, if it is to be another one than the
                pipeline says.
        """

        vonage_sample_rate: int = 16000
        sample_rate: int | None = None

    def __init__(self, params: InputParams | None = None) -> None:
        """Make a serializer.

        Args:
            params: The parameters.
        """
        super().__init__(params or VonageFrameSerializer.InputParams())
