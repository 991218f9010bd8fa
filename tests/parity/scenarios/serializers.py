"""What serializers send and take: the same bytes under both packages.

The pipeline has the wire's rate, so that nothing is resampled: the two resamplers differ.
"""

from __future__ import annotations

import base64
import json
import struct
from types import SimpleNamespace
from typing import Any

from kit import Observed, raised, scenario
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputDTMFFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
    TextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.serializers.exotel import ExotelFrameSerializer
from pipecat.serializers.genesys import (
    AudioHookChannel,
    AudioHookMediaFormat,
    GenesysAudioHookSerializer,
)
from pipecat.serializers.plivo import PlivoFrameSerializer
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.serializers.rtvi_client import RTVIClientSerializer
from pipecat.serializers.telnyx import TelnyxFrameSerializer
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.serializers.vonage import VonageFrameSerializer

# Every segment of G.711, both signs, and the ends of the range.
SAMPLES = [sign * (1 << bit) + bit for bit in range(15) for sign in (1, -1)] + [
    32767,
    -32768,
    0,
    -1,
]
PCM = struct.pack(f"<{len(SAMPLES)}h", *SAMPLES)
CODES = bytes(range(256))
UNICODE = 'caf\u00e9 "\\/\n\t\x01\U0001f600'


def setup(rate: int = 8000) -> Any:
    """What serializers look at of a processor's set-up."""
    return SimpleNamespace(audio_in_sample_rate=rate, audio_out_sample_rate=rate)


def plain(value: object) -> object:
    """A message, or a frame, as data for JSON."""
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, str):
        return value
    names = ("audio", "sample_rate", "num_channels", "button", "message", "text", "user_id")
    return [type(value).__name__] + [
        plain(v) if isinstance(v := getattr(value, name), bytes) else v
        for name in names
        if hasattr(value, name)
    ]


async def sent(serializer: FrameSerializer, rate: int = 8000) -> Observed:
    """What a serializer makes of each kind of frame."""
    frames = {
        "audio": OutputAudioRawFrame(PCM, rate, 1),
        "speech": TTSAudioRawFrame(PCM[:8], rate, 1),
        "own audio": InputAudioRawFrame(PCM[:8], rate, 1),
        "no audio": OutputAudioRawFrame(b"", rate, 1),
        "interruption": InterruptionFrame(),
        "message": OutputTransportMessageFrame({"a": [1, 2.5, None, True], "t": UNICODE}),
        "urgent message": OutputTransportMessageUrgentFrame({"b": {}}),
        "rtvi": OutputTransportMessageUrgentFrame({"label": "rtvi-ai", "type": "x"}),
        "version": OutputTransportMessageUrgentFrame({"version": "2", "type": "x"}),
        "text": TextFrame("hello"),
        "start": StartFrame(),
    }
    return {name: plain(await serializer.serialize(frame)) for name, frame in frames.items()}


async def taken(serializer: FrameSerializer, *messages: dict[str, Any] | str | bytes) -> list[Any]:
    """What a serializer makes of messages."""
    return [
        plain(
            await serializer.deserialize(json.dumps(one) if isinstance(one, dict) else one)  # type: ignore[arg-type]
        )
        for one in messages
    ]


def payload(data: bytes = CODES) -> str:
    """Audio in base64."""
    return base64.b64encode(data).decode()


KEYS = "0123456789*#"


@scenario()
async def twilio() -> Observed:
    params = TwilioFrameSerializer.InputParams(auto_hang_up=False)
    serializer = TwilioFrameSerializer("MZ\u00e91", params=params)
    await serializer.setup(setup())
    keys = [{"event": "dtmf", "dtmf": {"digit": key}} for key in KEYS]
    return {
        "sent": await sent(serializer),
        "end": plain(await serializer.serialize(EndFrame())),
        "cancel": plain(await serializer.serialize(CancelFrame())),
        "taken": await taken(
            serializer,
            {"event": "connected", "protocol": "Call", "version": "1.0.0"},
            {"event": "media", "media": {"payload": payload()}},
            {"event": "media", "media": {"payload": ""}},
            {"event": "media", "media": {}},
            {"event": "media"},
            {"event": "dtmf", "dtmf": {"digit": "x"}},
            {"event": "dtmf", "dtmf": {}},
            {"event": "mark", "mark": {"name": "m"}},
            {"event": "stop", "stop": {}},
            {"no": "event"},
            "{no json",
            *keys,
        ),
    }


@scenario()
async def twilio_settings() -> Observed:
    def made(**options: Any) -> Any:
        return lambda: TwilioFrameSerializer("MZ", **options)

    whole = {"call_sid": "CA", "account_sid": "AC", "auth_token": "t"}
    return {
        "nothing": raised(made()),
        "whole": raised(made(**whole)),
        "both": raised(made(**whole, api_key_sid="SK")),
        "half a key": raised(made(call_sid="CA", account_sid="AC", api_key_sid="SK")),
        "key": raised(made(call_sid="CA", account_sid="AC", api_key_sid="SK", api_key_secret="s")),
        "region alone": raised(made(**whole, region="ie1")),
        "region and edge": raised(made(**whole, region="ie1", edge="dublin")),
        "region and address": raised(made(**whole, region="ie1", base_url="http://x")),
    }


@scenario()
async def telnyx() -> Observed:
    observed: Observed = {}
    media = {"event": "media", "media": {"track": "inbound", "payload": payload()}}
    for inbound in ("PCMU", "PCMA"):
        for outbound in ("PCMU", "PCMA"):
            params = TelnyxFrameSerializer.InputParams(auto_hang_up=False)
            serializer = TelnyxFrameSerializer("S", outbound, inbound, params=params)
            await serializer.setup(setup())
            observed[f"{inbound} {outbound}"] = {
                "sent": await sent(serializer),
                "taken": await taken(
                    serializer, media, {"event": "dtmf", "dtmf": {"digit": "#"}}, "["
                ),
            }
    params = TelnyxFrameSerializer.InputParams(auto_hang_up=False)
    other = TelnyxFrameSerializer("S", "OPUS", "OPUS", params=params)
    try:
        await other.serialize(OutputAudioRawFrame(PCM, 8000, 1))
    except ValueError:
        observed["other"] = "ValueError"
    return observed


@scenario()
async def plivo() -> Observed:
    params = PlivoFrameSerializer.InputParams(auto_hang_up=False)
    serializer = PlivoFrameSerializer("P", params=params)
    await serializer.setup(setup())
    return {
        "sent": await sent(serializer),
        "taken": await taken(
            serializer,
            {"event": "start", "start": {"streamId": "P", "callId": "C"}},
            {"event": "media", "streamId": "P", "media": {"payload": payload()}},
            {"event": "dtmf", "streamId": "P", "dtmf": {"digit": "9"}},
            {"event": "dtmf", "dtmf": {"digit": ""}},
            {"event": "playedStream", "streamId": "P", "name": "m"},
        ),
    }


@scenario(differs={"key": "Plivo presses keys itself when it is asked; a tone is sent there"})
async def plivo_keys() -> Observed:
    params = PlivoFrameSerializer.InputParams(auto_hang_up=False)
    serializer = PlivoFrameSerializer("P", params=params)
    key = OutputDTMFFrame(KeypadEntry.FIVE)
    keys = OutputDTMFFrame(buttons=[KeypadEntry.FIVE, KeypadEntry.SIX])
    return {
        "key": plain(await serializer.serialize(key)),
        "keys": plain(await serializer.serialize(keys)),
    }


@scenario()
async def exotel() -> Observed:
    serializer = ExotelFrameSerializer("E", "C")
    await serializer.setup(setup())
    return {
        "sent": await sent(serializer),
        "taken": await taken(
            serializer,
            {"event": "media", "stream_sid": "E", "media": {"payload": payload(PCM)}},
            {"event": "dtmf", "stream_sid": "E", "dtmf": {"digit": "*", "duration": "100"}},
            {"event": "mark", "mark": {"name": "m"}},
        ),
    }


@scenario()
async def vonage() -> Observed:
    serializer = VonageFrameSerializer()
    await serializer.setup(setup(16000))
    return {
        "sent": await sent(serializer, 16000),
        "taken": await taken(
            serializer,
            PCM,
            b"",
            {"event": "websocket:connected", "content-type": "audio/l16;rate=16000"},
            {"event": "websocket:cleared"},
            {"event": "websocket:notify", "payload": {"a": 1}},
            {"event": "websocket:dtmf", "digit": "1", "duration": 260},
            {"event": "websocket:dtmf", "dtmf": {"digit": 7}},
            {"event": "websocket:dtmf"},
            {"event": "websocket:dtmf", "digit": "xy"},
            "}",
        ),
    }


def opening(*channels: str) -> dict[str, Any]:
    """What Genesys opens a session with."""
    return {
        "version": "2",
        "id": "e160e428",
        "type": "open",
        "seq": 1,
        "serverseq": 0,
        "position": "PT0S",
        "parameters": {
            "organizationId": "d7934305",
            "conversationId": "090eaa2f",
            "participant": {"id": "883efee8", "ani": "+1-555-555-1234", "dnis": "+1-800"},
            "media": [
                {"type": "audio", "format": "PCMU", "channels": list(channels), "rate": 8000}
            ],
            "inputVariables": {"b": 1, "a": UNICODE},
        },
    }


@scenario()
async def genesys() -> Observed:
    observed: Observed = {}
    for channels in (("external",), ("internal",), ("external", "internal")):
        serializer = GenesysAudioHookSerializer(
            GenesysAudioHookSerializer.InputParams(
                supported_languages=["en-US", "es-ES"], selected_language="en-US"
            )
        )
        await serializer.setup(setup())
        before = await taken(serializer, CODES)
        messages = await taken(
            serializer,
            opening(*channels),
            CODES,
            {"type": "ping", "seq": 2, "position": "PT1.2345S", "parameters": {}},
            {"type": "dtmf", "seq": 3, "parameters": {"digit": "1"}},
            {"type": "dtmf", "seq": 3, "parameters": {"digit": "xx"}},
            {"type": "update", "seq": 4, "parameters": {"participant": {"ani": "x"}}},
            {"type": "error", "seq": 5, "parameters": {"code": 400, "message": "m"}},
            {"type": "playback_started", "seq": 6, "position": "nonsense"},
        )
        known = [
            serializer.session_id,
            serializer.conversation_id,
            serializer.participant,
            serializer.input_variables,
            serializer.output_variables,
            serializer.is_open,
            serializer.is_paused,
        ]
        frames = await sent(serializer)
        paused = await taken(
            serializer, {"type": "pause", "seq": 7, "parameters": {"reason": "hold"}}, CODES
        )
        held = plain(await serializer.serialize(OutputAudioRawFrame(PCM, 8000, 1)))
        resumed = serializer.create_resumed_response()
        serializer.set_output_variables({"intent": UNICODE, "n": 1})
        own = [
            serializer.create_barge_in_event(),
            serializer.create_pong_response(),
            serializer.create_error_message(429, "slow", retryable=True),
            serializer.create_disconnect_message(info="i", output_variables={"x": 1}),
        ]
        ended = [
            plain(await serializer.serialize(EndFrame())),
            *await taken(
                serializer,
                CODES,
                {"type": "close", "seq": 9, "position": "PT9S", "parameters": {"reason": "end"}},
                CODES,
            ),
        ]
        observed[" ".join(channels)] = [
            *(before, messages, known, frames, paused, held, resumed, own, ended)
        ]
    return observed


@scenario()
async def genesys_events() -> Observed:
    serializer = GenesysAudioHookSerializer()
    await serializer.setup(setup())
    heard: list[str] = []
    for event in ("on_open", "on_close", "on_ping", "on_pause", "on_update", "on_error", "on_dtmf"):

        async def handler(emitter: Any, message: dict[str, Any], event: str = event) -> None:
            heard.append(f"{event} {message['type']} {emitter.conversation_id}")

        serializer.add_event_handler(event, handler)
    await taken(
        serializer,
        opening("external"),
        *({"type": kind, "seq": 2, "parameters": {"digit": "1"}} for kind in ("ping", "dtmf")),
        *({"type": kind, "seq": 3, "parameters": {}} for kind in ("pause", "update", "error")),
        {"type": "close", "seq": 4, "parameters": {}},
    )
    await serializer.cleanup()
    return {"heard": sorted(heard)}


@scenario()
async def genesys_names() -> Observed:
    return {
        "channels": [str(one) for one in AudioHookChannel],
        "formats": [str(one) for one in AudioHookMediaFormat],
        "version": GenesysAudioHookSerializer.PROTOCOL_VERSION,
    }


@scenario()
async def protobuf() -> Observed:
    serializer = ProtobufFrameSerializer()
    text, audio = TextFrame(UNICODE), OutputAudioRawFrame(PCM, 24000, 2)
    said = TranscriptionFrame("hi", "user", "2026-01-01T00:00:00.000+00:00")
    interruption = InterruptionFrame()
    for number, frame in enumerate((text, audio, said, interruption)):
        frame.id, frame.name, frame.pts = 1000 * number, f"Frame#{number}", None
    audio.pts = 123_456_789_012
    observed: Observed = {}
    for name, frame in {
        "text": text,
        "audio": audio,
        "transcription": said,
        "interruption": interruption,
        "message": OutputTransportMessageFrame({"a": UNICODE}),
        "rtvi": OutputTransportMessageUrgentFrame({"label": "rtvi-ai"}),
        "speech": TTSAudioRawFrame(PCM, 24000, 1),
        "end": EndFrame(),
    }.items():
        data = await serializer.serialize(frame)
        observed[name] = plain(data)
        if data is not None:
            back = await serializer.deserialize(data)
            same = [getattr(back, each) == getattr(frame, each) for each in ("id", "name", "pts")]
            observed[f"{name} back"] = [plain(back), same[1:] if name != "message" else None]
    observed["kinds"] = (
        sorted(serializer.SERIALIZABLE_FIELDS),
        sorted(serializer.DESERIALIZABLE_FIELDS),
    )
    return observed


@scenario()
async def what_is_ignored() -> Observed:
    class Own(FrameSerializer):
        async def serialize(self, frame: Any) -> str | bytes | None:
            return None

        async def deserialize(self, data: str | bytes) -> Any:
            return None

    rtvi = OutputTransportMessageFrame({"label": "rtvi-ai"})
    other = OutputTransportMessageFrame({"label": "other"})
    talkative = Own(FrameSerializer.InputParams(ignore_rtvi_messages=False))
    return {
        "by default": [Own().should_ignore_frame(one) for one in (rtvi, other, TextFrame("x"))],
        "if wanted": talkative.should_ignore_frame(rtvi),
        "name": Own(name="mine").name,
    }


@scenario()
async def rtvi_client() -> Observed:
    serializer = RTVIClientSerializer()
    call = {"function_name": "f", "tool_call_id": "1", "arguments": {"a": 1}, "result": {"b": 2}}
    told = {
        "bot-llm-started": {},
        "bot-llm-text": {"text": UNICODE},
        "bot-llm-marker": {"raw": "x", "text": "m", "kind": "k", "markers": ["a"]},
        "bot-llm-stopped": None,
        "bot-tts-text": {"text": "hello"},
        "bot-started-speaking": {},
        "bot-stopped-speaking": {},
        "bot-interrupted": {},
        "llm-function-call-in-progress": call,
        "llm-function-call-stopped": {**call, "cancelled": False},
        "user-transcription": {"text": "hi", "user_id": "u", "timestamp": "t", "final": True},
        "bot-ready": {"version": "1"},
    }
    names = ("text", "text_type", "raw", "marker", "kind", "markers", "function_name")
    names += ("tool_call_id", "arguments", "result", "user_id", "timestamp")
    messages = [{"label": "rtvi-ai", "type": kind, "data": data} for kind, data in told.items()]
    messages += [
        {"label": "rtvi-ai", "type": "user-transcription", "data": {"final": False}},
        {"label": "rtvi-ai", "type": "llm-function-call-stopped", "data": {"cancelled": True}},
        {"label": "other", "type": "bot-llm-started"},
        {"label": "rtvi-ai"},
    ]
    frames = [await serializer.deserialize(json.dumps(message)) for message in messages]
    return {
        "sent": await sent(serializer),
        "again": plain(await serializer.serialize(OutputAudioRawFrame(PCM[:4], 16000, 2))),
        "taken": [
            frame
            and [
                type(frame).__name__,
                {n: str(getattr(frame, n)) for n in names if hasattr(frame, n)},
            ]
            for frame in frames
        ],
        "no json": plain(await serializer.deserialize("{")),
    }
