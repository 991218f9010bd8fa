"""Plivo's audio streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.call_serializer import CallSerializer
from pipecat_rs.serializers.hang_up import HangUp, path_segment


class PlivoFrameSerializer(CallSerializer):
    """Speaks Plivo's audio streams: µ-law or linear samples in JSON, keys, checkpoints.

    With ``auto_hang_up`` the call is ended over Plivo's REST API when the pipeline ends.
    """

    _format = "plivo"
    _wire_rate_param = "plivo_sample_rate"
    _api_url = "https://api.plivo.com"

    @dataclass(kw_only=True)
    class InputParams(FrameSerializer.InputParams):
        """Parameters.

        Attributes:
            plivo_sample_rate: Plivo's sample rate, in Hz.
            sample_rate: The pipeline's input rate in Hz, if it is to be another one than the
                pipeline says.
            auto_hang_up: Whether the call is ended with the pipeline.
            encoding: ``audio/x-mulaw``, or ``audio/x-l16`` if the stream was set up so.
        """

        plivo_sample_rate: int = 8000
        sample_rate: int | None = None
        auto_hang_up: bool = True
        encoding: str = "audio/x-mulaw"

    def __init__(
        self,
        stream_id: str,
        call_id: str | None = None,
        auth_id: str | None = None,
        auth_token: str | None = None,
        params: InputParams | None = None,
    ) -> None:
        """Make the serializer of a call.

        Args:
            stream_id: The stream's id.
            call_id: The call's id.
            auth_id: The account's id.
            auth_token: The account's token.
            params: The parameters.

        Raises:
            ValueError: If the call is to be ended and something for it is missing.
            MissingDependencyError: If the call is to be ended and aiohttp is not installed.
        """
        params = params or PlivoFrameSerializer.InputParams()
        super().__init__(params)
        if params.auto_hang_up:
            self._require({"call_id": call_id, "auth_id": auth_id, "auth_token": auth_token})
        self._stream_id = stream_id
        self._call_id = call_id
        self._auth_id = auth_id
        self._auth_token = auth_token

    def _settings(self) -> dict[str, Any]:
        return {
            **super()._settings(),
            "stream_id": self._stream_id,
            "encoding": self._params.encoding,
        }

    def _hang_up_request(self) -> HangUp:
        account, call = self._auth_id or "", self._call_id or ""
        path = f"Account/{path_segment(account)}/Call/{path_segment(call)}/"
        return HangUp(
            provider="Plivo",
            call=call,
            method="DELETE",
            url=f"{self._api_url}/v1/{path}",
            basic_auth=(account, self._auth_token or ""),
            ended=frozenset({204}),
            remedy="check auth_id and auth_token",
            over_before=lambda status, answer: status == 404,
        )
