"""Twilio's media streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.call_serializer import CallSerializer
from pipecat_rs.serializers.hang_up import HangUp, path_segment

_NO_SUCH_CALL = 20404


class TwilioFrameSerializer(CallSerializer):
    """Speaks Twilio's media streams: µ-law at 8 kHz in JSON, keys, marks.

    With ``auto_hang_up`` the call is ended over Twilio's REST API when the pipeline ends. That
    takes the call's and the account's ids, and either the auth token or an API key of the region.
    """

    _format = "twilio"
    _wire_rate_param = "twilio_sample_rate"

    @dataclass(kw_only=True)
    class InputParams(FrameSerializer.InputParams):
        """Parameters.

        Attributes:
            twilio_sample_rate: Twilio's sample rate, in Hz.
            sample_rate: The pipeline's input rate in Hz, if it is to be another one than the
                pipeline says.
            auto_hang_up: Whether the call is ended with the pipeline.
        """

        twilio_sample_rate: int = 8000
        sample_rate: int | None = None
        auto_hang_up: bool = True

    def __init__(
        self,
        stream_sid: str,
        call_sid: str | None = None,
        account_sid: str | None = None,
        auth_token: str | None = None,
        region: str | None = None,
        edge: str | None = None,
        base_url: str | None = None,
        params: InputParams | None = None,
        *,
        api_key_sid: str | None = None,
        api_key_secret: str | None = None,
    ) -> None:
        """Make the serializer of a call.

        Args:
            stream_sid: The media stream's id.
            call_sid: The call's id.
            account_sid: The account's id.
            auth_token: The account's auth token; not with an API key.
            region: Twilio's region, such as ``ie1``; with an edge.
            edge: Twilio's edge, such as ``dublin``; with a region.
            base_url: Where the REST API is, such as ``https://api.twilio.com``, if region and edge
                do not say it: another server with Twilio's API.
            params: The parameters.
            api_key_sid: An API key's id; with its secret.
            api_key_secret: An API key's secret; with its id.

        Raises:
            ValueError: If the call is to be ended and something for it is missing, or is given
                twice.
            MissingDependencyError: If the call is to be ended and aiohttp is not installed.
        """
        params = params or TwilioFrameSerializer.InputParams()
        super().__init__(params)
        if params.auto_hang_up:
            credentials = auth_token or api_key_sid or api_key_secret
            self._require(
                {
                    "call_sid": call_sid,
                    "account_sid": account_sid,
                    "auth_token or api_key_sid + api_key_secret": credentials,
                }
            )
            _check_credentials(auth_token, api_key_sid, api_key_secret)
            if not base_url and bool(region) != bool(edge):
                raise ValueError(
                    "region and edge are both required if one is set, as the host is "
                    f"api.<edge>.<region>.twilio.com: got region={region!r}, edge={edge!r}"
                )
        self._stream_sid = stream_sid
        self._call_sid = call_sid
        self._account_sid = account_sid
        self._credentials = (
            (account_sid or "", auth_token)
            if auth_token
            else (api_key_sid or "", api_key_secret or "")
        )
        self._region = region
        self._edge = edge
        self._base_url = base_url

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "stream_id": self._stream_sid}

    def _hang_up_request(self) -> HangUp:
        if self._base_url:
            root = self._base_url.rstrip("/")
        else:
            place = [part for part in (self._edge, self._region) if part]
            root = f"https://{'.'.join(['api', *place, 'twilio.com'])}"
        account, call = self._account_sid or "", self._call_sid or ""
        path = f"Accounts/{path_segment(account)}/Calls/{path_segment(call)}.json"
        return HangUp(
            provider="Twilio",
            call=call,
            method="POST",
            url=f"{root}/2010-04-01/{path}",
            basic_auth=self._credentials,
            form={"Status": "completed"},
            remedy="check account_sid and the credentials, which belong to one region and edge",
            over_before=lambda status, answer: (
                status == 404 and isinstance(answer, dict) and answer.get("code") == _NO_SUCH_CALL
            ),
        )


def _check_credentials(token: str | None, key_sid: str | None, key_secret: str | None) -> None:
    if token and (key_sid or key_secret):
        raise ValueError(
            "give either auth_token or api_key_sid + api_key_secret, not both: one of them would "
            "stay in use unnoticed"
        )
    if bool(key_sid) != bool(key_secret):
        missing = "api_key_secret" if key_sid else "api_key_sid"
        raise ValueError(
            f"api_key_sid and api_key_secret are both required if one is set. Missing: {missing}"
        )
