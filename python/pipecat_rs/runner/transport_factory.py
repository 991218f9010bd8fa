"""From what a bot is given to the transport of its call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from pipecat_rs.runner.types import (
    CallData,
    DailyDialinRequest,
    DailyRunnerArguments,
    RunnerArguments,
    WebSocketRunnerArguments,
)
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.transports.base_transport import BaseTransport

__all__ = ["create_transport"]


async def create_transport(
    runner_args: RunnerArguments, transport_params: Mapping[str, Callable[[], Any]]
) -> BaseTransport:
    """Make the transport of a call.

    For a telephone call the first messages are read to find out which provider it is; its
    serializer is set up with the accounts of the environment (``TWILIO_ACCOUNT_SID`` and the like),
    and `runner_args.call_data` is what the provider says.

    Args:
        runner_args: What the bot is given.
        transport_params: For each kind of transport that the bot knows (``daily``, ``websocket``,
            ``twilio``, ``telnyx``, ``plivo``, ``exotel``) a function that makes its settings.

    Raises:
        ValueError: If the bot does not know this kind, or there is no transport for it.
    """
    if isinstance(runner_args, DailyRunnerArguments):
        return _daily(runner_args, _params("daily", transport_params))
    if not isinstance(runner_args, WebSocketRunnerArguments):
        raise ValueError(f"there is no transport for {type(runner_args).__name__}")

    from pipecat_rs.runner.utils import parse_telephony_websocket
    from pipecat_rs.transports.websocket.fastapi import FastAPIWebsocketTransport

    if runner_args.transport_type == "websocket":
        params = _params("websocket", transport_params)
    else:
        kind, call = await parse_telephony_websocket(runner_args.websocket)
        runner_args.transport_type, runner_args.call_data = kind, call
        params = _params(kind, transport_params)
        params.add_wav_header = False
        params.serializer = _serializer(kind, call)
    return FastAPIWebsocketTransport(websocket=runner_args.websocket, params=params)


def _params(kind: str, transport_params: Mapping[str, Callable[[], Any]]) -> Any:
    if kind not in transport_params:
        known = ", ".join(sorted(transport_params)) or "none"
        raise ValueError(
            f"this is a call over {kind!r}, for which the bot has no settings (it has: {known}): "
            f"add {kind!r} to transport_params"
        )
    return transport_params[kind]()


def _daily(arguments: DailyRunnerArguments, params: Any) -> BaseTransport:
    from pipecat_rs.transports.daily.params import DailyDialinSettings
    from pipecat_rs.transports.daily.transport import DailyTransport

    request = arguments.body
    if isinstance(request, dict) and "dialin_settings" in request:
        request = DailyDialinRequest.model_validate(request)
    if isinstance(request, DailyDialinRequest):
        call = request.dialin_settings
        params.dialin_settings = DailyDialinSettings(
            call_id=call.call_id, call_domain=call.call_domain
        )
        # The call's own: a bot's may be those of another account.
        params.api_key, params.api_url = request.daily_api_key, request.daily_api_url
    return DailyTransport(arguments.room_url, arguments.token, "Pipecat Bot", params=params)


def _serializer(kind: str, call: CallData) -> FrameSerializer:
    from pipecat_rs.serializers.exotel import ExotelFrameSerializer
    from pipecat_rs.serializers.plivo import PlivoFrameSerializer
    from pipecat_rs.serializers.telnyx import TelnyxFrameSerializer
    from pipecat_rs.serializers.twilio import TwilioFrameSerializer

    match kind:
        case "twilio":
            return TwilioFrameSerializer(
                stream_sid=call["stream_id"],
                call_sid=call["call_id"],
                account_sid=os.getenv("TWILIO_ACCOUNT_SID", ""),
                auth_token=os.getenv("TWILIO_AUTH_TOKEN", ""),
                api_key_sid=os.getenv("TWILIO_API_KEY") or None,
                api_key_secret=os.getenv("TWILIO_API_SECRET") or None,
                region=os.getenv("TWILIO_REGION") or None,
                edge=os.getenv("TWILIO_EDGE") or None,
            )
        case "telnyx":
            return TelnyxFrameSerializer(
                stream_id=call["stream_id"],
                call_control_id=call["call_id"],
                outbound_encoding=call.get("outbound_encoding", "PCMU"),
                inbound_encoding="PCMU",
                api_key=os.getenv("TELNYX_API_KEY", ""),
            )
        case "plivo":
            return PlivoFrameSerializer(
                stream_id=call["stream_id"],
                call_id=call["call_id"],
                auth_id=os.getenv("PLIVO_AUTH_ID", ""),
                auth_token=os.getenv("PLIVO_AUTH_TOKEN", ""),
            )
        case "exotel":
            return ExotelFrameSerializer(stream_sid=call["stream_id"], call_sid=call["call_id"])
        case _:
            raise ValueError(f"{kind!r} is no telephone provider that is known")
