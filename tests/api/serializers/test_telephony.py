"""Serializers of telephone calls, used directly: frames in, messages out, and back."""

import base64
import json
import logging
import math
import struct
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipecat_rs import _core
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputDTMFUrgentFrame,
    OutputTransportMessageFrame,
)
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.exotel import ExotelFrameSerializer
from pipecat_rs.serializers.genesys import GenesysAudioHookSerializer
from pipecat_rs.serializers.plivo import PlivoFrameSerializer
from pipecat_rs.serializers.telnyx import TelnyxFrameSerializer
from pipecat_rs.serializers.twilio import TwilioFrameSerializer
from pipecat_rs.serializers.vonage import VonageFrameSerializer
from support.waiting import within


def twilio(**params: Any) -> TwilioFrameSerializer:
    params = {"auto_hang_up": False, **params}
    return TwilioFrameSerializer("MZ1", params=TwilioFrameSerializer.InputParams(**params))


def telnyx(outbound: str = "PCMU", inbound: str = "PCMU", **params: Any) -> TelnyxFrameSerializer:
    params = {"auto_hang_up": False, **params}
    made = TelnyxFrameSerializer.InputParams(**params)
    return TelnyxFrameSerializer("S", outbound, inbound, params=made)


def plivo(**params: Any) -> PlivoFrameSerializer:
    params = {"auto_hang_up": False, **params}
    return PlivoFrameSerializer("P", params=PlivoFrameSerializer.InputParams(**params))


def exotel() -> ExotelFrameSerializer:
    return ExotelFrameSerializer("E")


def everyone() -> list[FrameSerializer]:
    return [
        *(
            twilio(),
            telnyx(),
            telnyx("PCMA", "PCMA"),
            telnyx("L16", "L16"),
            plivo(),
            plivo(encoding="audio/x-l16"),
        ),
        *(exotel(), VonageFrameSerializer(), GenesysAudioHookSerializer()),
    ]


def tone(rate: int, seconds: float = 1.0, hz: float = 440.0) -> bytes:
    count = int(rate * seconds)
    values = [int(8000 * math.sin(2 * math.pi * hz * n / rate)) for n in range(count)]
    return struct.pack(f"<{count}h", *values)


def values(audio: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(audio) // 2}h", audio)


def as_heard(message: str | bytes | None) -> str | bytes:
    """What the bot has sent, as the provider would send it."""
    assert message is not None
    if isinstance(message, bytes):
        return message
    return message.replace("playAudio", "media")


async def opened(serializer: FrameSerializer, input_rate: int, output_rate: int) -> None:
    setup: Any = SimpleNamespace(audio_in_sample_rate=input_rate, audio_out_sample_rate=output_rate)
    await serializer.setup(setup)
    if isinstance(serializer, GenesysAudioHookSerializer):
        await serializer.deserialize('{"type": "open", "seq": 1, "id": "x", "parameters": {}}')


@pytest.mark.parametrize("serializer", everyone(), ids=lambda one: type(one).__name__)
async def test_a_tone_comes_back_at_the_pipelines_rate(serializer: FrameSerializer) -> None:
    await opened(serializer, 16000, 24000)
    heard = b""
    said = tone(24000)
    for at in range(0, len(said), 960):
        message = await serializer.serialize(OutputAudioRawFrame(said[at : at + 960], 24000, 1))
        if message is None:
            continue  # too little yet
        frame = await serializer.deserialize(as_heard(message))
        if frame is not None:
            assert isinstance(frame, InputAudioRawFrame)
            assert (frame.sample_rate, frame.num_channels) == (16000, 1)
            heard += frame.audio

    expected = values(tone(16000))
    assert len(heard) > 30_000
    difference = [abs(a - b) for a, b in zip(values(heard), expected, strict=False)]
    assert max(difference[500:-500]) < 500, "a step of the code, and no delay"


async def test_stereo_becomes_mono() -> None:
    serializer = exotel()
    message = await serializer.serialize(
        OutputAudioRawFrame(struct.pack("<4h", 100, 300, -7, -7), 8000, 2)
    )

    assert (
        json.loads(str(message))["media"]["payload"]
        == base64.b64encode(struct.pack("<2h", 200, -7)).decode()
    )


async def test_the_pipelines_rate_may_be_given() -> None:
    serializer = twilio(sample_rate=24000)
    await opened(serializer, 16000, 16000)
    payload = base64.b64encode(bytes(800)).decode()
    frame = await serializer.deserialize(
        json.dumps({"event": "media", "media": {"payload": payload}})
    )

    assert isinstance(frame, InputAudioRawFrame)
    assert frame.sample_rate == 24000


async def test_linear_samples_of_telnyx_and_plivo() -> None:
    samples = struct.pack("<3h", 1, -2, 300)
    payload = base64.b64encode(samples).decode()
    wide = telnyx("L16", "L16", telnyx_sample_rate=16000)
    sent = await wide.serialize(OutputAudioRawFrame(samples, 16000, 1))
    assert json.loads(str(sent)) == {"event": "media", "media": {"payload": payload}}
    back = await wide.deserialize(json.dumps({"event": "media", "media": {"payload": payload}}))
    assert isinstance(back, InputAudioRawFrame)
    assert (back.audio, back.sample_rate) == (samples, 16000)

    wide_plivo = plivo(encoding="audio/x-l16", plivo_sample_rate=16000)
    sent = await wide_plivo.serialize(OutputAudioRawFrame(samples, 16000, 1))
    media = {"contentType": "audio/x-l16", "sampleRate": 16000, "payload": payload}
    assert json.loads(str(sent))["media"] == media


async def test_keys() -> None:
    for key in KeypadEntry:
        frame = await twilio().deserialize(
            json.dumps({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": key.value}})
        )
        assert isinstance(frame, InputDTMFFrame)
        assert frame.button is key
    unknown = await twilio().deserialize('{"event": "dtmf", "dtmf": {"digit": "A"}}')
    assert unknown is None, "a key that telephones do not have"
    key = OutputDTMFUrgentFrame(KeypadEntry.STAR)
    assert await plivo().serialize(key) == '{"event": "sendDTMF", "dtmf": "*"}'
    assert await twilio().serialize(key) is None, "it is sent as a tone"


async def test_an_encoding_that_there_is_not_is_said_when_it_is_needed() -> None:
    serializer = telnyx("OPUS")

    with pytest.raises(ValueError, match="unknown variant `OPUS`"):
        await serializer.deserialize("{}")
    with pytest.raises(ValueError, match="settings of telnyx"):
        serializer._native()


async def test_nonsense_is_logged_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    nonsense: list[str | bytes] = [
        *("", "{", "[]", "null", '"media"', "\ud800", "[" * 10_000, b"\xff\x00", b""),
        '{"event": "media", "media": {"payload": "a*b"}}',
        '{"event": "media", "media": {"payload": 5}}',
        '{"event": "media", "media": "x"}',
        '{"event": "media", "streamSid": "MZ2", "media": {"payload": "////"}}',
        '{"event": "start", "streamSid": "MZ2", "start": {}}',
        '{"event": "media", "media": {"payload": "' + "/" * (1 << 20) + '"}}',
        '{"type": "open", "parameters": []}',
        '{"type": 5, "seq": {}}',
        '{"event": ["media"]}',
    ]
    for serializer in everyone():
        caplog.clear()
        await opened(serializer, 16000, 16000)
        for message in nonsense:
            frame = await serializer.deserialize(message)
            assert frame is None or isinstance(frame, InputAudioRawFrame), message
        (warning,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
        assert "a message is ignored" in warning.message, "and said once"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.one_of(st.text(), st.binary(), st.dictionaries(st.text(), st.text()))))
async def test_anything_may_come(messages: list[Any]) -> None:
    for serializer in (twilio(), VonageFrameSerializer(), GenesysAudioHookSerializer()):
        await opened(serializer, 16000, 16000)
        for message in messages:
            data = json.dumps(message) if isinstance(message, dict) else message
            frame = await serializer.deserialize(data)
            assert frame is None or isinstance(frame, Frame)


async def test_an_interruption_takes_the_end_of_a_word_with_it() -> None:
    serializer = exotel()
    loud = struct.pack("<480h", *([20_000] * 480))
    await serializer.serialize(OutputAudioRawFrame(loud, 24000, 1))
    clear = await serializer.serialize(InterruptionFrame())
    assert clear == '{"event": "clear", "stream_sid": "E"}'

    message = await serializer.serialize(OutputAudioRawFrame(bytes(1920), 24000, 1))
    audio = base64.b64decode(json.loads(str(message))["media"]["payload"])
    assert audio == bytes(len(audio))


# ---- what a native connection may run


def test_ours_run_natively() -> None:
    for serializer in everyone():
        native = serializer._native()
        assert isinstance(native, _core.WireSerializer)
        assert serializer._native() is native, "one for both directions"


def test_what_is_overridden_does_not() -> None:
    class Louder(TwilioFrameSerializer):
        async def serialize(self, frame: Frame) -> str | bytes | None:
            return await super().serialize(frame)

    class Deaf(TwilioFrameSerializer):
        async def deserialize(self, data: str | bytes) -> Frame | None:
            return None

    class Renamed(TwilioFrameSerializer):
        pass

    params = TwilioFrameSerializer.InputParams(auto_hang_up=False)
    assert Louder("MZ1", params=params)._native() is None
    assert Deaf("MZ1", params=params)._native() is None
    assert Renamed("MZ1", params=params)._native() is not None
    replaced = twilio()
    replaced.deserialize = Deaf("MZ1", params=params).deserialize
    assert replaced._native() is None


async def test_one_of_the_users_own() -> None:
    class Shouting(FrameSerializer):
        async def serialize(self, frame: Frame) -> str | bytes | None:
            if isinstance(frame, OutputTransportMessageFrame) and not self.should_ignore_frame(
                frame
            ):
                return str(frame.message).upper()
            return None

        async def deserialize(self, data: str | bytes) -> Frame | None:
            return None

    serializer = Shouting(name="loud")
    await opened(serializer, 16000, 16000)
    assert serializer.name == "loud"
    assert serializer._native() is None
    assert await serializer.serialize(OutputTransportMessageFrame("x")) == "X"
    assert await serializer.serialize(OutputTransportMessageFrame({"label": "rtvi-ai"})) is None


async def test_genesys_with_handlers_is_heard_in_python() -> None:
    serializer = GenesysAudioHookSerializer()
    assert serializer._native() is not None
    closing: list[Any] = []

    async def on_close(emitter: GenesysAudioHookSerializer, message: dict[str, Any]) -> None:
        closing.append(message["parameters"]["reason"])
        emitter.set_output_variables({"intent": "billing"})

    serializer.add_event_handler("on_close", on_close)
    assert serializer._native() is None
    await opened(serializer, 8000, 8000)
    await serializer.deserialize('{"type": "close", "seq": 2, "parameters": {"reason": "end"}}')
    await within(serializer.cleanup())
    assert closing == ["end"]
    assert serializer.output_variables == {"intent": "billing"}
    assert not serializer.is_open
