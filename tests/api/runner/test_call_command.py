"""`pipecat-rs call`: speaks a file into a bot, and saves what comes back."""

import math
import wave
from array import array
from pathlib import Path

import pytest
from pipecat_rs.exceptions import PipecatError
from pipecat_rs.runner.caller import Call, CallOptions, read_speech
from pipecat_rs.runner.transport_factory import create_transport
from pipecat_rs.serializers.twilio import TwilioFrameSerializer
from pipecat_rs.transports.websocket.fastapi import FastAPIWebsocketParams
from support.bots import Echo, hold, transport_of
from support.commands import running
from support.serving import echo, server_of

SECS = 0.5


def tone(path: Path, rate: int, channels: int = 1) -> Path:
    """Write half a second of 440 Hz."""
    samples = array("h")
    for n in range(int(rate * SECS)):
        samples.extend([int(12000 * math.sin(2 * math.pi * 440 * n / rate))] * channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def loud_secs(samples: array, rate: int) -> float:
    return sum(abs(sample) > 500 for sample in samples) / rate


def sides(path: Path) -> tuple[int, array, array]:
    """The rate of a recording, and both of its sides."""
    with wave.open(str(path), "rb") as file:
        assert file.getnchannels() == 2
        both = array("h", file.readframes(file.getnframes()))
        return file.getframerate(), both[0::2], both[1::2]


async def echo_call(arguments) -> None:
    """A bot that says what it hears, in whichever format it is called."""
    if arguments.transport_type == "websocket":
        transport = transport_of(arguments)
    else:
        enabled = {"audio_in_enabled": True, "audio_out_enabled": True}
        transport = await create_transport(
            arguments, {"twilio": lambda: FastAPIWebsocketParams(**enabled)}
        )
        serializer = transport._params.serializer  # type: ignore[attr-defined]
        assert isinstance(serializer, TwilioFrameSerializer)
        serializer._params.auto_hang_up = False  # type: ignore[attr-defined]
        assert arguments.call_data["call_id"].startswith("CA")
    await hold(transport, Echo())  # type: ignore[arg-type]


@pytest.mark.parametrize(("format", "path"), [("protobuf", "/"), ("twilio", "/ws")])
async def test_both_sides_of_a_call_are_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, path: str
):
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC1")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "token")
    async with server_of(echo_call) as server:
        options = CallOptions(
            url=server.url(path),
            speak=tone(tmp_path / "in.wav", 16000),
            save=tmp_path / "out.wav",
            format=format,
            listen=0.5,
        )
        call = Call(options)
        await call.hold()
    rate, caller, bot = sides(tmp_path / "out.wav")
    assert rate == 16000
    assert loud_secs(caller, rate) == pytest.approx(SECS, abs=0.05)
    assert loud_secs(bot, rate) == pytest.approx(SECS, abs=0.15)
    assert next(n for n, s in enumerate(bot) if abs(s) > 500) >= next(
        n for n, s in enumerate(caller) if abs(s) > 500
    ), "the echo comes before the word"
    assert call.bot_secs == pytest.approx(SECS, abs=0.15)
    assert "the bot spoke for 0." in call.summary()


async def test_a_bot_that_says_nothing_and_hangs_up(tmp_path: Path):
    async def bot(arguments) -> None:
        await arguments.websocket.recv()

    async with server_of(bot) as server:
        call = Call(CallOptions(url=server.url(), speak=tone(tmp_path / "in.wav", 16000)))
        await call.hold()
    assert call.bot_secs == 0
    assert "the bot said nothing" in call.summary()


async def test_bare_audio_comes_back_as_it_was_sent(tmp_path: Path):
    async with server_of(echo) as server:
        speak = tone(tmp_path / "in.wav", 16000)
        call = Call(CallOptions(url=server.url(), speak=speak, format="pcm", listen=0.3))
        await call.hold()
    assert call.bot_secs == pytest.approx(SECS, abs=0.05)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 2), (44100, 2)])
def test_files_of_any_rate_are_spoken(tmp_path: Path, rate: int, channels: int):
    speech = read_speech(tone(tmp_path / "in.wav", rate, channels), 16000)
    assert len(speech) / 2 / 16000 == pytest.approx(SECS, abs=0.01)


def test_a_file_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(PipecatError, match="there is no file"):
        read_speech(tmp_path / "nowhere.wav", 16000)


async def test_the_command(tmp_path: Path):
    async def authorize(request) -> bool:
        return request.bearer_token() == "s3cret"

    async with server_of(echo, authorize=authorize) as server:
        speak = str(tone(tmp_path / "in.wav", 16000))
        save = str(tmp_path / "out.wav")
        command = ("-m", "pipecat_rs.cli", "call", server.url(), "--speak", speak)
        options = ("--save", save, "--format", "pcm", "--listen", "0.2")
        async with running(*command, *options) as refused:
            assert await refused.wait() == 1
            assert "401" in refused.said
        async with running(*command, *options, "--token", "KEY", KEY="s3cret") as call:
            assert await call.wait() == 0, call.said
            assert "A call of" in call.said and "out.wav" in call.said
    rate, _, bot = sides(Path(save))
    assert loud_secs(bot, rate) > 0.3
