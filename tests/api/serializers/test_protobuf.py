"""Frames in protobuf, used directly. That bytes are pipecat's is shown in `tests/parity`."""

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat_rs import _core
from pipecat_rs.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
    TextFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat_rs.serializers.protobuf import ProtobufFrameSerializer


async def there_and_back(frame: Frame) -> Any:
    serializer = ProtobufFrameSerializer()
    message = await serializer.serialize(frame)
    assert isinstance(message, bytes)
    return await serializer.deserialize(message)


@given(st.text(), st.integers(0, 2**64 - 1), st.text())
async def test_text(text: str, number: int, name: str) -> None:
    frame = TextFrame(text)
    frame.id, frame.name = number, name
    try:
        back = await there_and_back(frame)
    except UnicodeEncodeError:
        return  # half a character
    assert isinstance(back, TextFrame)
    assert back.text == text
    assert not number or back.id == number
    assert not name or back.name == name


@given(st.binary().map(lambda data: data + data), st.integers(1, 2**32 - 1), st.integers(1, 8))
async def test_audio(audio: bytes, rate: int, channels: int) -> None:
    back = await there_and_back(OutputAudioRawFrame(audio, rate, channels))
    assert isinstance(back, InputAudioRawFrame)
    assert (back.audio, back.sample_rate, back.num_channels) == (audio, rate, channels)


async def test_the_other_kinds() -> None:
    said = await there_and_back(TranscriptionFrame("hello", "u", "now"))
    assert isinstance(said, TranscriptionFrame)
    assert (said.text, said.user_id, said.timestamp) == ("hello", "u", "now")
    assert isinstance(await there_and_back(InterruptionFrame()), InterruptionFrame)
    message = await there_and_back(OutputTransportMessageUrgentFrame({"label": "rtvi-ai"}))
    assert isinstance(message, InputTransportMessageFrame)
    assert message.message == {"label": "rtvi-ai"}
    assert await ProtobufFrameSerializer().serialize(EndFrame()) is None


async def test_classes_can_be_added() -> None:
    class Words(ProtobufFrameSerializer):
        SERIALIZABLE_TYPES = {  # noqa: RUF012
            **ProtobufFrameSerializer.SERIALIZABLE_TYPES,
            TTSTextFrame: "text",
        }

    frame = TTSTextFrame("hello", "word")
    assert await ProtobufFrameSerializer().serialize(frame) is None
    back = await Words().deserialize(await Words().serialize(frame) or b"")
    assert isinstance(back, TextFrame)
    assert back.text == "hello"


@given(st.binary())
async def test_anything_may_come(data: bytes) -> None:
    frame = await ProtobufFrameSerializer().deserialize(data)
    assert frame is None or isinstance(frame, Frame)


async def test_nonsense_is_logged_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    serializer = ProtobufFrameSerializer()
    broken = _core._encode_protobuf_frame("message", data="{")
    rateless = _core._encode_protobuf_frame("audio", audio=b"\0\0")
    for message in ("text", b"", b"\xff", broken, rateless, bytes(2 << 20)):
        assert await serializer.deserialize(message) is None
    (warning,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "frames are binary" in warning.message, "and said once"


def test_a_native_connection_hears_at_the_pipelines_rate() -> None:
    native = ProtobufFrameSerializer()._native()
    assert native is not None
    native.set_rates(16000, 24000)
    audio = _core._encode_protobuf_frame(
        "audio", audio=bytes(9600), sample_rate=48000, num_channels=1
    )
    ((kind, samples, rate, channels),) = native.decode(audio)
    assert (kind, rate, channels) == ("audio", 16000, 1)
    assert len(samples) in range(2400, 3201)
    message = native.application(json.dumps({"label": "rtvi-ai"}))
    assert message is not None, "clients are told"


async def test_rates_are_the_messages_own_when_used_directly() -> None:
    serializer = ProtobufFrameSerializer()
    setup: Any = SimpleNamespace(audio_in_sample_rate=16000, audio_out_sample_rate=16000)
    await serializer.setup(setup)
    message = await serializer.serialize(OutputAudioRawFrame(bytes(480), 24000, 1))
    frame = await serializer.deserialize(message or b"")
    assert isinstance(frame, InputAudioRawFrame)
    assert frame.sample_rate == 24000
