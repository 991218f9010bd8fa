"""A fake ElevenLabs: multi-stream-input. A character takes 10 ms to speak."""

import base64
from typing import Any

from fakes.websocket_server import FakeConnection, FakeWebsocketServer

CHAR_MS = 10


class FakeElevenLabs(FakeWebsocketServer):
    """Speaks each piece of text at once."""

    async def handle(self, connection: FakeConnection, message: Any) -> None:
        context_id = message.get("context_id")
        if message.get("close_socket"):
            await connection.websocket.close()
        elif message.get("close_context"):
            await connection.send(isFinal=True, contextId=context_id)
        elif message.get("text", "").strip():
            await self.speak(message["text"], context_id)

    async def speak(self, text: str, context_id: str) -> None:
        """Send the audio of a text, with the times of its characters."""
        rate = int(self.connection.query["output_format"][0].removeprefix("pcm_"))
        audio = b"\x01\x00" * (rate * CHAR_MS * len(text) // 1000)
        alignment = {
            "chars": list(text),
            "charStartTimesMs": [at * CHAR_MS for at in range(len(text))],
            "charDurationsMs": [CHAR_MS] * len(text),
        }
        await self.connection.send(
            audio=base64.b64encode(audio).decode(),
            isFinal=False,
            contextId=context_id,
            alignment=alignment,
            normalizedAlignment=alignment,
        )
