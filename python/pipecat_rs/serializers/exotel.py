"""Exotel's voice bot streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.wire_format import WireFormatSerializer


class ExotelFrameSerializer(WireFormatSerializer):
    """Speaks Exotel's voice bot streams: 16-bit linear samples in JSON, keys, marks."""

    _format = "exotel"
    _wire_rate_param = "exotel_sample_rate"

    @dataclass(kw_only=True)
    class InputParams(FrameSerializer.InputParams):
        """Parameters.

        Attributes:
            exotel_sample_rate: Exotel's sample rate, in Hz.
            sample_rate: The pipeline's input rate in Hz, if it is to be another one than the
                pipeline says.
        """

        exotel_sample_rate: int = 8000
        sample_rate: int | None = None

    def __init__(
        self, stream_sid: str, call_sid: str | None = None, params: InputParams | None = None
    ) -> None:
        """Make the serializer of a call.

        Args:
            stream_sid: The stream's id.
            call_sid: The call's id. Not used: Exotel ends a call when its stream ends.
            params: The parameters.
        """
        super().__init__(params or ExotelFrameSerializer.InputParams())
        self._stream_sid = stream_sid
        self._call_sid = call_sid

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "stream_id": self._stream_sid}
