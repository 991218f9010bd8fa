"""The agent of the soak, for `pipecat-rs serve`: whoever calls, over whatever wire.

Its services need no network; see `benches/vs_pipecat/workloads/calls/bots.py`.
"""

import sys
from pathlib import Path
from typing import Any

from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.runner.types import CallData, WebSocketRunnerArguments
from pipecat_rs.runner.utils import parse_telephony_websocket
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.exotel import ExotelFrameSerializer
from pipecat_rs.serializers.plivo import PlivoFrameSerializer
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.serializers.telnyx import TelnyxFrameSerializer
from pipecat_rs.serializers.twilio import TwilioFrameSerializer
from pipecat_rs.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vs_pipecat"))

from workloads.api import Api
from workloads.calls.bots import agent

API = Api("pipecat_rs")


async def _serializer(arguments: WebSocketRunnerArguments) -> FrameSerializer:
    """The wire of whoever calls. No call is hung up: there is no provider to ask for it."""
    if arguments.transport_type == "websocket":
        return ProtobufFrameSerializer()
    kind, call = await parse_telephony_websocket(arguments.websocket)
    return _of_telephone(kind, call)


def _of_telephone(kind: str, call: CallData) -> FrameSerializer:
    stream: Any = call.stream_id
    match kind:
        case "twilio":
            settings = TwilioFrameSerializer.InputParams(auto_hang_up=False)
            return TwilioFrameSerializer(stream, params=settings)
        case "telnyx":
            settings = TelnyxFrameSerializer.InputParams(auto_hang_up=False)
            return TelnyxFrameSerializer(stream, "PCMU", "PCMU", params=settings)
        case "plivo":
            settings = PlivoFrameSerializer.InputParams(auto_hang_up=False)
            return PlivoFrameSerializer(stream, params=settings)
        case "exotel":
            return ExotelFrameSerializer(stream)
        case _:
            raise ValueError(f"an unexpected provider calls: {kind}")


async def bot(arguments: WebSocketRunnerArguments) -> None:
    """Hold one call."""
    params = FastAPIWebsocketParams(
        audio_in_enabled=True, audio_out_enabled=True, serializer=await _serializer(arguments)
    )
    transport = FastAPIWebsocketTransport(arguments.websocket, params)
    task = agent(API, transport)

    @transport.event_handler("on_client_disconnected")
    async def _(*_: object) -> None:
        await task.cancel()

    await PipelineRunner(handle_sigint=False).run(task)
