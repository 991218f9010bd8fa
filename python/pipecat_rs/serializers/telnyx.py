"""Telnyx's media streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.call_serializer import CallSerializer
from pipecat_rs.serializers.hang_up import HangUp, path_segment

_CALL_HAS_ENDED = "90018"


class TelnyxFrameSerializer(CallSerializer):
    """Speaks Telnyx's media streams: µ-law, A-law or linear samples in JSON, keys, marks.

    With ``auto_hang_up`` the call is ended over Telnyx's REST API when the pipeline ends.
    """

    _format = "telnyx"
    _wire_rate_param = "telnyx_sample_rate"
    _api_url = "https://api.telnyx.com"

    @dataclass(kw_only=True)
    class InputParams(FrameSerializer.InputParams):
        """Parameters.

        Attributes:
            telnyx_sample_rate: Telnyx's sample rate, in Hz.
            sample_rate: The pipeline's input rate in Hz, if it is to be another one than the
                pipeline says.
            inbound_encoding: Encoding of audio to Telnyx: ``PCMU``, ``PCMA``, ``L16`` (the low byte
                first) or ``L16BE``.
            outbound_encoding: Encoding of audio from Telnyx; one of the same.
            auto_hang_up: Whether the call is ended with the pipeline.
        """

        telnyx_sample_rate: int = 8000
        sample_rate: int | None = None
        inbound_encoding: str = "PCMU"
        outbound_encoding: str = "PCMU"
        auto_hang_up: bool = True

    def __init__(
        self,
        stream_id: str,
        outbound_encoding: str,
        inbound_encoding: str,
        call_control_id: str | None = None,
        api_key: str | None = None,
        params: InputParams | None = None,
    ) -> None:
        """Make the serializer of a call.

        Args:
            stream_id: The stream's id.
            outbound_encoding: Encoding of audio from Telnyx.
            inbound_encoding: Encoding of audio to Telnyx.
            call_control_id: The call's id.
            api_key: Key for Telnyx's API.
            params: The parameters; these two encodings go before those in it.

        Raises:
            ValueError: If the call is to be ended and something for it is missing.
            MissingDependencyError: If the call is to be ended and aiohttp is not installed.
        """
        params = params or TelnyxFrameSerializer.InputParams()
        super().__init__(params)
        if params.auto_hang_up:
            self._require({"call_control_id": call_control_id, "api_key": api_key})
        params.outbound_encoding = outbound_encoding
        params.inbound_encoding = inbound_encoding
        self._stream_id = stream_id
        self._call_control_id = call_control_id
        self._api_key = api_key

    def _settings(self) -> dict[str, Any]:
        return {
            **super()._settings(),
            "stream_id": self._stream_id,
            "inbound_encoding": self._params.inbound_encoding,
            "outbound_encoding": self._params.outbound_encoding,
        }

    def _hang_up_request(self) -> HangUp:
        call = self._call_control_id or ""
        return HangUp(
            provider="Telnyx",
            call=call,
            method="POST",
            url=f"{self._api_url}/v2/calls/{path_segment(call)}/actions/hangup",
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self._api_key}",
            },
            remedy="check api_key and call_control_id",
            over_before=_was_over,
        )


def _was_over(status: int, answer: Any) -> bool:
    errors = answer.get("errors") if isinstance(answer, dict) else None
    return (
        status == 422
        and isinstance(errors, list)
        and any(isinstance(one, dict) and one.get("code") == _CALL_HAS_ENDED for one in errors)
    )
