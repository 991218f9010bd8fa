"""A fake Cartesia: the WebSocket for text-to-speech. A word takes 100 ms to speak."""

import base64
from typing import Any

from fakes.websocket_server import FakeConnection, FakeWebsocketServer

WORD_SECS = 0.1


class FakeCartesia(FakeWebsocketServer):
    """Speaks each piece of text at once.

    Attributes:
        spoken: Words so far, by context: times count from the beginning of the context.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spoken: dict[str, int] = {}

    async def handle(self, connection: FakeConnection, message: Any) -> None:
        context_id = message["context_id"]
        if message.get("cancel"):
            return
        if message["transcript"].strip():
            rate = message["output_format"]["sample_rate"]
            await self.speak(message["transcript"], context_id, rate)
        if not message["continue"]:
            await self.done(context_id)

    async def speak(self, text: str, context_id: str, sample_rate: int) -> None:
        """Send the audio of a text, and the times of its words."""
        words = text.split()
        first = self.spoken.get(context_id, 0)
        self.spoken[context_id] = first + len(words)
        starts = [WORD_SECS * (first + at) for at in range(len(words))]
        audio = b"\x01\x00" * round(sample_rate * WORD_SECS * len(words))
        await self.connection.send(
            type="chunk",
            context_id=context_id,
            status_code=206,
            done=False,
            step_time=1.0,
            data=base64.b64encode(audio).decode(),
        )
        await self.connection.send(
            type="timestamps",
            context_id=context_id,
            status_code=206,
            done=False,
            word_timestamps={
                "words": words,
                "start": starts,
                "end": [start + WORD_SECS for start in starts],
            },
        )

    async def done(self, context_id: str) -> None:
        """Say that a context is complete."""
        await self.connection.send(type="done", context_id=context_id, status_code=200, done=True)

    async def fail(self, context_id: str | None, status: int, message: str) -> None:
        """Say that a context cannot be spoken."""
        await self.connection.send(
            type="error", context_id=context_id, status_code=status, done=True, error=message
        )
