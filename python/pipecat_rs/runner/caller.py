"""Calls a bot over a WebSocket: speaks an audio file into it, and records both sides."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import time
import wave
from array import array
from dataclasses import dataclass
from pathlib import Path

from pipecat_rs import _core
from pipecat_rs.audio.samples import is_silence
from pipecat_rs.exceptions import PipecatError
from pipecat_rs.runner.caller_wires import CallerWire, caller_wire
from pipecat_rs.transports.websocket.connection import Message, WebsocketConnection

__all__ = ["Call", "CallOptions", "call"]

logger = logging.getLogger(__name__)

CHUNK_SECS = 0.02
"""Audio in a message."""


@dataclass(frozen=True, kw_only=True)
class CallOptions:
    """A call.

    Attributes:
        url: ``ws://`` or ``wss://``.
        speak: What the caller says: a WAV, or any file that soundfile reads.
        save: WAV of both sides: on the left the caller, on the right the bot.
        format: ``protobuf``, ``pcm`` or ``twilio``.
        rate: Of the audio, in Hz. Telephony has 8000 on the wire whatever it is.
        listen: Seconds of a bot's silence after which the caller hangs up, once all is spoken.
        token: Name of the environment variable with a token that is shown.
        ca: PEM file of an authority to trust.
    """

    url: str
    speak: Path
    save: Path | None = None
    format: str = "protobuf"
    rate: int = 16000
    listen: float = 10.0
    token: str | None = None
    ca: Path | None = None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> CallOptions:
        """Take the options from a command line.

        Args:
            arguments: What was parsed.
        """
        given = vars(arguments)
        return cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given})


def call(options: CallOptions) -> int:
    """Hold a call, and tell what came of it.

    Args:
        options: The call.

    Returns:
        The exit code: 0 if the bot has said anything.

    Raises:
        ConnectionError: If the bot cannot be reached, or lets nobody in.
        PipecatError: If the file cannot be spoken.
    """
    held = Call(options)
    asyncio.run(held.hold())
    print(held.summary())
    return 0 if held.bot_secs else 1


class Call:
    """One call, from its beginning to its end."""

    def __init__(self, options: CallOptions) -> None:
        """Read what is to be said.

        Args:
            options: The call.

        Raises:
            PipecatError: If the file cannot be spoken.
        """
        self._options = options
        self._speech = read_speech(options.speak, options.rate)
        self._wire: CallerWire = caller_wire(options.format, options.rate)
        self._caller = bytearray()
        self._bot = bytearray()
        self._bot_samples = 0
        self._begun = 0.0
        self._first_word: float | None = None
        self._last_word = 0.0
        self._interruptions = 0
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def bot_secs(self) -> float:
        """Seconds that the bot has spoken."""
        return self._bot_samples / self._options.rate

    @property
    def seconds(self) -> float:
        """How long it was."""
        return len(self._caller) / 2 / self._options.rate

    async def hold(self) -> None:
        """Hold it, and save it.

        Raises:
            ConnectionError: If the bot cannot be reached, or lets nobody in.
        """
        options = self._options
        headers = []
        if options.token is not None:
            headers.append(("authorization", f"Bearer {_token(options.token)}"))
        settings = {"ca_certificates": options.ca.read_bytes()} if options.ca else {}
        native = await _core._websocket_connect(options.url, headers, [], settings)
        connection = WebsocketConnection(native)
        self._begun = time.monotonic()
        listening = asyncio.create_task(self._listen(connection))
        try:
            for message in self._wire.opening():
                await connection.send(message)
            await self._speak(connection)
            if connection.is_open and (goodbye := self._wire.closing()) is not None:
                await connection.send(goodbye)
        except ConnectionError:
            logger.info("the bot hung up: %s", connection.close_reason)
        finally:
            await connection.close()
            await listening
            for answer in self._answers:
                answer.cancel()
        if options.save is not None:
            self._save(options.save)

    def summary(self) -> str:
        """Return what came of it, in a line."""
        spoken = f"the bot spoke for {self.bot_secs:.1f} s"
        if self._first_word is None:
            spoken = "the bot said nothing"
        interrupted = f", interrupted {self._interruptions} times" if self._interruptions else ""
        saved = f"; both sides are in {self._options.save}" if self._options.save else ""
        return f"A call of {self.seconds:.1f} s: {spoken}{interrupted}{saved}."

    async def _speak(self, connection: WebsocketConnection) -> None:
        """Speak at the pace of time: the file, then silence for as long as the bot speaks."""
        step = int(self._options.rate * CHUNK_SECS) * 2
        silence = bytes(step)
        number = 0
        while connection.is_open:
            said = self._speech[number * step : (number + 1) * step]
            if not said and self._is_over(number):
                return
            chunk = said + silence[len(said) :]
            self._caller += chunk
            message = self._wire.audio(chunk)
            if message is not None:
                await connection.send(message)
            number += 1
            due = self._begun + number * CHUNK_SECS
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _is_over(self, number: int) -> bool:
        spoken = len(self._speech) / 2 / self._options.rate
        return number * CHUNK_SECS - max(spoken, self._last_word) > self._options.listen

    async def _listen(self, connection: WebsocketConnection) -> None:
        async for message in connection:
            await self._hear(message, connection)

    async def _hear(self, message: Message, connection: WebsocketConnection) -> None:
        for kind, *values in self._wire.decode(message):
            if kind == "audio":
                self._heard(values[0])
            elif kind == "interruption":
                self._interruptions += 1
                del self._bot[self._now() * 2 :]
            elif kind == "reply":
                ahead = len(self._bot) // 2 - self._now()
                answering = self._answer(connection, values[0], ahead / self._options.rate)
                self._answers.add(task := asyncio.create_task(answering))
                task.add_done_callback(self._answers.discard)

    async def _answer(
        self, connection: WebsocketConnection, message: Message, delay: float
    ) -> None:
        """Tell the bot that something was played, when it has been."""
        await asyncio.sleep(max(0.0, delay))
        if connection.is_open:
            await connection.send(message)

    def _heard(self, audio: bytes) -> None:
        """Put what the bot says where a phone would play it: behind what it still plays, or now."""
        if is_silence(audio):
            return
        now = self._now()
        self._bot += bytes(max(0, now * 2 - len(self._bot)))
        if self._first_word is None:
            self._first_word = now / self._options.rate
        self._bot += audio
        self._bot_samples += len(audio) // 2
        self._last_word = len(self._bot) / 2 / self._options.rate

    def _now(self) -> int:
        """Samples since the beginning."""
        return int((time.monotonic() - self._begun) * self._options.rate)

    def _save(self, path: Path) -> None:
        sides = (array("h", bytes(self._caller)), array("h", bytes(self._bot)))
        both = array("h", bytes(4 * max(map(len, sides))))
        for side, samples in enumerate(sides):
            both[side : 2 * len(samples) : 2] = samples
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(self._options.rate)
            file.writeframes(both.tobytes())


def read_speech(path: Path, rate: int) -> bytes:
    """Return a file's audio as 16-bit mono samples.

    Args:
        path: A WAV of 16 bits, or any file that soundfile reads.
        rate: The rate that is wanted, in Hz.

    Raises:
        PipecatError: If it is no audio file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() == 2 and file.getnchannels() in (1, 2):
                audio = file.readframes(file.getnframes())
                mono = _core.ChannelMapper(file.getnchannels(), 1).process(audio)
                if file.getframerate() == rate:
                    return mono
                return _core.Resampler(file.getframerate(), rate).convert(mono)
    except FileNotFoundError:
        raise PipecatError(f"there is no file {path}", hint="--speak FILE") from None
    except (wave.Error, EOFError):
        logger.debug("%s is no WAV of integers", path)
    from pipecat_rs.audio.audio_file_reader import AudioFileReader

    reader = AudioFileReader(path)
    try:
        reader.convert_to(rate)
        pieces = []
        while piece := reader.read(1.0):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        reader.close()


def _token(variable: str) -> str:
    token = os.environ.get(variable)
    if not token:
        raise PipecatError(f"the environment variable {variable} has no token")
    return token
