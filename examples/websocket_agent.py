"""The voice agent of `voice_agent.py`, for everybody who calls over a WebSocket.

pipecat-rs serve examples/websocket_agent.py
pipecat-rs call ws://localhost:7860 --speak caller.wav --save call.wav
"""

from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.runner.types import WebSocketRunnerArguments
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer
from pipecat_rs.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from voice_agent import create_task


async def bot(runner_args: WebSocketRunnerArguments) -> None:
    """Hold one call."""
    params = FastAPIWebsocketParams(
        audio_in_enabled=True, audio_out_enabled=True, serializer=ProtobufFrameSerializer()
    )
    transport = FastAPIWebsocketTransport(websocket=runner_args.websocket, params=params)
    task = create_task(transport)

    @transport.event_handler("on_client_disconnected")
    async def _(transport: FastAPIWebsocketTransport, websocket: object) -> None:
        await task.cancel()

    await PipelineRunner(handle_sigint=False).run(task)


if __name__ == "__main__":
    from pipecat_rs.runner.run import main

    main()
