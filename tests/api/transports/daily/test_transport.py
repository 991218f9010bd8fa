"""Calls in rooms of Daily, against a fake of its SDK."""

import asyncio
import importlib.util
import logging
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from fakes.daily_sdk import FakeRoom
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    BotConnectedFrame,
    ClientConnectedFrame,
    EndFrame,
    ErrorFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InputTransportStartAudioStreamingFrame,
    InterimTranscriptionFrame,
    OutputDTMFFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    UserAudioRawFrame,
)
from pipecat_rs.transports.daily import DailyParams, DailyTransport, client
from pipecat_rs.transports.daily.transport import (
    DailyDialinSettings,
    DailyInputTransportMessageFrame,
    DailyOutputDTMFUrgentFrame,
    DailyOutputTransportMessageUrgentFrame,
    DailySIPReferFrame,
    DailySIPTransferFrame,
    DailyUpdateRemoteParticipantsFrame,
)
from pipecat_rs.utils.errors import ErrorCategory
from support.passage import passage
from support.waiting import calls_of, until

URL = "https://nowhere.daily.co/room"
ANN = {"id": "ann", "info": {"userName": "Ann"}}


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoom]:
    room = FakeRoom()
    monkeypatch.setitem(sys.modules, "daily", room.module())
    for cached in (client._init_sdk, client._event_handler_class):
        cached.cache_clear()
    yield room
    room.close()
    for cached in (client._init_sdk, client._event_handler_class):
        cached.cache_clear()


def call(**params: Any) -> DailyTransport:
    params = {"audio_in_enabled": True, "audio_out_enabled": True} | params
    params.setdefault("audio_out_end_silence_secs", 0)
    return DailyTransport(URL, "token", "Robot", DailyParams(**params))


def ends(transport: DailyTransport) -> tuple[Any, Any]:
    return transport.input(), transport.output()


async def test_the_form_of_the_document(room: FakeRoom):
    transport = DailyTransport(
        room_url=URL,
        token="daily-token",
        params=DailyParams(
            audio_in_enabled=True, audio_out_enabled=True, audio_out_end_silence_secs=0
        ),
    )
    joined, connected = calls_of(transport, "on_joined"), calls_of(transport, "on_connected")
    left, before = calls_of(transport, "on_left"), calls_of(transport, "on_before_leave")
    async with passage(*ends(transport)) as ways:
        await ways.down.wait_for(BotConnectedFrame)
        assert (transport.room_url, transport.participant_id) == (URL, "bot")
        assert transport.participants()["local"] and transport.participant_counts()["present"] == 1
        await ways.end()
    for calls in (joined, connected, before, left):
        await calls.wait()
        assert len(calls) == 1
    assert len(room.asked("join")) == len(room.asked("leave")) == len(room.asked("release")) == 1
    assert room.asked("join")[0] == (URL, "daily-token")
    settings = next(kwargs for name, _, kwargs in room.calls if name == "join")["client_settings"]
    assert settings["inputs"]["microphone"]["settings"]["customTrack"]["id"] == "track-0"
    assert settings["publishing"]["microphone"]["isPublishing"]
    assert transport.participants() == {}


async def test_participants_are_heard_each_by_itself(room: FakeRoom):
    transport = call()
    first = calls_of(transport, "on_first_participant_joined")
    joined, came = (
        calls_of(transport, "on_participant_joined"),
        calls_of(transport, "on_client_connected"),
    )
    left, gone = (
        calls_of(transport, "on_participant_left"),
        calls_of(transport, "on_client_disconnected"),
    )
    async with passage(*ends(transport)) as ways:
        room.emit("on_participant_joined", ANN)
        room.emit("on_participant_joined", {"id": "bob"})
        await joined.wait(2)
        await came.wait(2)
        await ways.down.wait_for(ClientConnectedFrame, count=2)
        assert len(first) == 1 and transport.get_client_id(first[0][0]) == "ann"
        room.speak("ann", b"\1\0" * 320)
        heard = await ways.down.wait_for(UserAudioRawFrame)
        assert (heard.user_id, heard.audio) == ("ann", b"\1\0" * 320)
        assert (heard.sample_rate, heard.transport_source) == (16_000, "microphone")
        room.emit("on_participant_left", ANN, "leftCall")
        assert await left.wait() == (ANN, "leftCall")
        assert await gone.wait() == (ANN,)
    subscribed = [kwargs for name, _, kwargs in room.calls if name == "update_subscriptions"]
    assert subscribed[0] == {
        "participant_settings": {"ann": {"media": {"microphone": "subscribed"}}}
    }


async def test_audio_waits_until_it_is_asked_for(room: FakeRoom):
    transport = call(audio_in_stream_on_start=False)
    joined = calls_of(transport, "on_participant_joined")
    async with passage(*ends(transport)) as ways:
        room.emit("on_participant_joined", ANN)
        await joined.wait()
        assert not room.renderers
        await ways.send(InputTransportStartAudioStreamingFrame())
        await until(lambda: "ann" in room.renderers)


async def test_participants_are_heard_mixed(room: FakeRoom):
    room.speaker = [b"\1\0" * 320, b"\2\0" * 320]
    async with passage(*ends(call(audio_in_user_tracks=False))) as ways:
        await ways.down.wait_for(InputAudioRawFrame, count=2)
    heard = ways.down.frames(InputAudioRawFrame)
    assert [frame.audio[0] for frame in heard] == [1, 2]
    assert not any(isinstance(frame, UserAudioRawFrame) for frame in heard)


async def test_speech_is_written_to_the_microphone(room: FakeRoom):
    speech = TTSAudioRawFrame(b"\7\0" * 2400, 24_000, 1)
    async with passage(*ends(call())) as ways:
        await ways.send(speech, TTSStoppedFrame())
        await ways.down.wait_for(TTSStoppedFrame)
        await ways.end()
    assert bytes(room.written["track-0"]).rstrip(b"\0") == speech.audio.rstrip(b"\0")


async def test_further_tracks(room: FakeRoom):
    speech = TTSAudioRawFrame(b"\7\0" * 960, 24_000, 1)
    speech.transport_destination = "translation"
    async with passage(*ends(call(audio_out_destinations=["translation"]))) as ways:
        await ways.send(speech)
        await until(lambda: 7 in room.written["track-1"])
    assert room.asked("add_custom_audio_track")[0][0] == "translation"
    assert ({"customAudio": {"translation": True}},) in room.asked("update_publishing")


async def test_messages_go_both_ways(room: FakeRoom):
    transport = call()
    came = calls_of(transport, "on_app_message")
    async with passage(*ends(transport)) as ways:
        await ways.send(
            OutputTransportMessageUrgentFrame({"a": 1}),
            DailyOutputTransportMessageUrgentFrame({"b": 2}, participant_id="ann"),
        )
        await until(lambda: len(room.asked("send_app_message")) == 2)
        assert room.asked("send_app_message") == [({"a": 1}, None), ({"b": 2}, "ann")]
        room.emit("on_app_message", {"c": 3}, "ann")
        assert await came.wait() == ({"c": 3}, "ann")
        told = await ways.down.wait_for(DailyInputTransportMessageFrame)
        assert (told.message, told.participant_id) == ({"c": 3}, "ann")
        room.errors["send_app_message"] = "channel closed"
        await ways.send(*(OutputTransportMessageUrgentFrame({"n": n}) for n in range(3)))
        await until(lambda: len(room.asked("send_app_message")) == 5)
        await ways.end()
    errors = [frame.error for frame in ways.up.frames(ErrorFrame)]
    assert len(errors) == 1 and "channel closed" in errors[0]


async def test_telephone(room: FakeRoom):
    transport = call(dialin_settings=None)
    connected = calls_of(transport, "on_dialin_connected")
    stopped = calls_of(transport, "on_dialin_stopped")
    async with passage(*ends(transport)) as ways:
        error = await transport.send_dtmf({"tones": "1"})
        assert error is not None and "sessionId" in error
        room.emit("on_dialin_connected", {"sessionId": "s1"})
        await connected.wait()
        await ways.send(
            OutputDTMFFrame(buttons=[KeypadEntry.ONE, KeypadEntry.POUND]),
            DailyOutputDTMFUrgentFrame(button=KeypadEntry.TWO, session_id="s2", method="auto"),
            DailySIPTransferFrame(settings={"toEndPoint": "sip:x"}),
            DailySIPReferFrame(settings={"toEndPoint": "sip:y", "sessionId": "s3"}),
            DailyUpdateRemoteParticipantsFrame(remote_participants={"ann": {}}),
        )
        await until(lambda: room.asked("update_remote_participants"))
        assert sorted(room.asked("send_dtmf"), key=str) == [
            ({"tones": "1#", "sessionId": "s1"},),
            ({"tones": "2", "sessionId": "s2", "method": "auto"},),
        ]
        assert room.asked("sip_call_transfer") == [({"toEndPoint": "sip:x", "sessionId": "s1"},)]
        assert room.asked("sip_refer") == [({"toEndPoint": "sip:y", "sessionId": "s3"},)]
        room.emit("on_dtmf_event", {"tone": "5"})
        room.emit("on_dtmf_event", {"tone": "?"})
        assert (await ways.down.wait_for(InputDTMFFrame)).button is KeypadEntry.FIVE
        room.emit("on_dialin_stopped", {"sessionId": "s1"})
        await stopped.wait()
        assert await transport.sip_call_transfer({}) is not None
        assert await transport.start_dialout({"phoneNumber": "+1"}) == ("session", None)
        assert await transport.start_recording() == ("stream", None)
        room.errors["stop_recording"] = "no recording"
        assert await transport.stop_recording() == "no recording"
        for harmless in (
            transport.stop_dialout("ann"),
            transport.update_publishing({}),
            transport.update_subscriptions({}),
            transport.update_remote_participants({}),
            transport.send_prebuilt_chat_message("hi", "Robot"),
        ):
            assert await harmless is None


async def test_a_call_that_dials_in_is_answered(room: FakeRoom, monkeypatch):
    sent: list[urllib.request.Request] = []

    def urlopen(request: urllib.request.Request, timeout: float) -> Any:
        sent.append(request)
        if len(sent) > 1:
            raise OSError("no route")
        return nullcontext()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    transport = call(dialin_settings=DailyDialinSettings(call_id="c", call_domain="d"), api_key="k")
    ready, failed = calls_of(transport, "on_dialin_ready"), calls_of(transport, "on_error")
    async with passage(*ends(transport)):
        room.emit("on_dialin_ready", "sip:bot")
        await ready.wait()
        assert sent[0].full_url == "https://api.daily.co/v1/dialin/pinlessCallUpdate"
        assert sent[0].data == b'{"callId": "c", "callDomain": "d", "sipUri": "sip:bot"}'
        room.emit("on_dialin_ready", "sip:bot")
        assert "no route" in (await failed.wait())[0]


async def test_daily_may_transcribe(room: FakeRoom):
    transport = call(transcription_enabled=True)
    async with passage(*ends(transport)) as ways:
        await ways.down.wait_for(STTMetadataFrame)
        message = {"participantId": "ann", "text": "Hel", "timestamp": "t", "rawResponse": {}}
        room.emit("on_transcription_message", message)
        room.emit("on_transcription_message", {"text": "nobody"})
        raw = {"is_final": True, "channel": {"alternatives": [{"languages": ["en"]}]}}
        room.emit(
            "on_transcription_message",
            message | {"text": "Hello.", "rawResponse": raw, "trackType": "cam-audio"},
        )
        said = await ways.down.wait_for(TranscriptionFrame)
        assert (said.text, said.user_id, said.language) == ("Hello.", "ann", "en")
        assert said.transport_source == "cam-audio"
        assert [f.text for f in ways.down.frames(InterimTranscriptionFrame)] == ["Hel"]
        await ways.end()
    settings = next(kwargs for name, _, kwargs in room.calls if name == "start_transcription")
    assert settings["settings"]["model"] == "nova-2-general"
    assert room.asked("stop_transcription")


async def test_transcription_needs_a_token(room: FakeRoom):
    transport = DailyTransport(URL, params=DailyParams(transcription_enabled=True))
    failed = calls_of(transport, "on_error")
    async with passage(*ends(transport)):
        assert "token" in (await failed.wait())[0]
        assert "token" in (await transport.stop_transcription() or "")


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_a_room_that_cannot_be_joined_is_an_error_and_no_hang(
    room: FakeRoom, monkeypatch, how: str
):
    monkeypatch.setattr(client, "JOIN_TIMEOUT_SECS", 0.05)
    if how == "silent":
        room.silent.add("join")
    else:
        room.errors["join"] = "no such room"
    transport = call()
    failed = calls_of(transport, "on_error")
    async with passage(*ends(transport)) as ways:
        await ways.down.wait_for(StartFrame)
        error = await ways.up.wait_for(ErrorFrame)
        assert error.category is ErrorCategory.CONNECTIVITY
        assert URL in (await failed.wait())[0]
        await ways.send(OutputTransportMessageUrgentFrame({"a": 1}))
        await ways.end()
    assert len(failed) == 1
    assert not room.asked("leave") and not room.asked("send_app_message")
    assert room.released


async def test_a_room_that_does_not_answer_holds_up_no_end(room: FakeRoom, monkeypatch):
    monkeypatch.setattr(client, "RELEASE_TIMEOUT_SECS", 0.05)
    room.silent.add("leave")
    transport = call()
    failed = calls_of(transport, "on_error")
    async with passage(*ends(transport)) as ways:
        await ways.end()
    assert "no answer" in (await failed.wait())[0]


async def test_a_call_that_is_over_says_so(room: FakeRoom):
    transport = call()
    states, failed = calls_of(transport, "on_call_state_updated"), calls_of(transport, "on_error")
    left = calls_of(transport, "on_left")
    async with passage(*ends(transport)) as ways:
        room.emit("on_call_state_updated", "left")
        await states.wait()
        assert "over" in (await failed.wait())[0]
        await ways.send(OutputTransportMessageUrgentFrame({"a": 1}), EndFrame())
        await asyncio.wait_for(asyncio.shield(ways.run), 5)
    await left.wait()
    assert not room.asked("send_app_message") and not room.asked("leave")


async def test_other_events_are_told(room: FakeRoom):
    transport = call()
    declared = {
        "on_active_speaker_changed": (ANN,),
        "on_participant_updated": (ANN,),
        "on_network_connection_status_updated": ({"event": "interrupted"},),
        "on_dialin_error": ({"sessionId": "s"},),
        "on_dialin_warning": ({},),
        "on_dialout_answered": ({},),
        "on_dialout_connected": ({"sessionId": "s"},),
        "on_dialout_stopped": ({"sessionId": "s"},),
        "on_dialout_error": ({},),
        "on_dialout_warning": ({},),
        "on_transcription_stopped": ("ann", False),
        "on_transcription_error": ("why",),
        "on_recording_started": ({},),
        "on_recording_stopped": ("stream",),
        "on_recording_error": ("stream", "why"),
    }
    calls = {event: calls_of(transport, event) for event in declared}
    async with passage(*ends(transport)):
        for event, args in declared.items():
            room.emit(event, *args)
        for event, args in declared.items():
            assert await calls[event].wait() == args


async def test_it_is_stopped_whether_or_not_it_runs(room: FakeRoom):
    await call().stop()
    assert not room.calls

    transport = call()
    async with passage(*ends(transport)) as ways:
        await transport.stop()
        await asyncio.wait_for(asyncio.shield(ways.run), 5)
        assert room.released
        await transport.stop()
    assert len(room.asked("join")) == len(room.asked("leave")) == len(room.asked("release")) == 1


def test_video_is_warned_of(room: FakeRoom, caplog):
    with caplog.at_level(logging.WARNING):
        call(video_out_enabled=True)
    assert "no video" in caplog.text


def test_without_the_sdk_the_error_names_the_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match=r"pipecat-rs\[daily\]"):
        DailyTransport(URL, "token", "Robot")
