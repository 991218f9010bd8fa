"""A fake Deepgram: listen v1."""

from typing import Any

from fakes.websocket_server import FakeConnection, FakeWebsocketServer


class FakeDeepgram(FakeWebsocketServer):
    """Says what a test has it say, and ends a stream as Deepgram does.

    Attributes:
        last_words: A transcript that it still has when the stream is closed or finalized.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last_words = ""

    async def results(
        self, transcript: str, *, final: bool = True, until: float = 0.0, **fields: Any
    ) -> None:
        """Send a transcript of the audio up to a time of the stream."""
        await _send_results(self.connection, transcript, final=final, until=until, **fields)

    async def handle(self, connection: FakeConnection, message: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "Finalize":
            await _send_results(connection, self.last_words, from_finalize=True)
        elif kind == "CloseStream":
            if self.last_words:
                await _send_results(connection, self.last_words)
            await connection.send(
                type="Metadata", transaction_key="deprecated", request_id="r", duration=0.0
            )
            await connection.websocket.close()


async def _send_results(
    connection: FakeConnection,
    transcript: str,
    *,
    final: bool = True,
    until: float = 0.0,
    languages: list[str] | None = None,
    **fields: Any,
) -> None:
    alternative = {"transcript": transcript, "confidence": 0.99, "words": []}
    if languages:
        alternative["languages"] = languages
    await connection.send(
        type="Results",
        channel_index=[0, 1],
        start=0.0,
        duration=until,
        is_final=final,
        speech_final=fields.pop("speech_final", final),
        from_finalize=fields.pop("from_finalize", False),
        channel={"alternatives": [alternative]},
        metadata={"request_id": "r", "model_uuid": "m"},
        **fields,
    )
