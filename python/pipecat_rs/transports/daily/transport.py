"""A transport for calls in rooms of Daily."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import urllib.request
from collections.abc import Mapping
from typing import Any, ClassVar

from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.frames.frames import (
    BotConnectedFrame,
    ClientConnectedFrame,
    InputDTMFFrame,
    InterimTranscriptionFrame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
    SpriteFrame,
    STTMetadataFrame,
    TranscriptionFrame,
)
from pipecat_rs.processors.frame_processor import FrameProcessor
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.transports.base_transport import BaseTransport
from pipecat_rs.transports.daily.client import EVENTS, DailyTransportClient
from pipecat_rs.transports.daily.frames import (
    DailyInputTransportMessageFrame,
    DailyOutputDTMFFrame,
    DailyOutputDTMFUrgentFrame,
    DailyOutputTransportMessageFrame,
    DailyOutputTransportMessageUrgentFrame,
    DailySIPReferFrame,
    DailySIPTransferFrame,
    DailyUpdateRemoteParticipantsFrame,
)
from pipecat_rs.transports.daily.input import DailyInputTransport
from pipecat_rs.transports.daily.output import DailyOutputTransport
from pipecat_rs.transports.daily.params import (
    DailyCustomAudioTrackParams,
    DailyCustomVideoTrackParams,
    DailyDialinSettings,
    DailyParams,
    DailyTranscriptionSettings,
)
from pipecat_rs.utils.errors import ErrorCategory

__all__ = [
    "DailyCustomAudioTrackParams",
    "DailyCustomVideoTrackParams",
    "DailyDialinSettings",
    "DailyInputTransport",
    "DailyInputTransportMessageFrame",
    "DailyOutputDTMFFrame",
    "DailyOutputDTMFUrgentFrame",
    "DailyOutputTransport",
    "DailyOutputTransportMessageFrame",
    "DailyOutputTransportMessageUrgentFrame",
    "DailyParams",
    "DailySIPReferFrame",
    "DailySIPTransferFrame",
    "DailyTranscriptionSettings",
    "DailyTransport",
    "DailyTransportClient",
    "DailyUpdateRemoteParticipantsFrame",
]

_logger = logging.getLogger(__name__)

_BOT_NAME = "Bot"
_DIALIN_TIMEOUT_SECS = 10.0
_TRANSCRIPTION_TTFS_P99 = 0.35


class DailyTransport(BaseTransport):
    """A call in a room of Daily.

    Events: `on_joined` and `on_connected` (what Daily says of the room), `on_before_leave` (awaited
    in place), `on_left`, `on_error` (what is wrong); `on_first_participant_joined`,
    `on_participant_joined`, `on_client_connected`, `on_participant_updated`,
    `on_client_disconnected` (the participant), `on_participant_left` (participant, reason),
    `on_active_speaker_changed` (participant); `on_app_message` (message, sender);
    `on_call_state_updated`, `on_network_connection_status_updated`; `on_dtmf_event`, those of
    telephone calls (`on_dialin_…`, `on_dialout_…`), of transcription (`on_transcription_…`) and of
    recording (`on_recording_…`), with what Daily says.
    """

    _declared_events: ClassVar = {
        **dict.fromkeys((*EVENTS, "on_joined", "on_connected", "on_left", "on_error"), False),
        "on_first_participant_joined": False,
        "on_client_connected": False,
        "on_client_disconnected": False,
        "on_before_leave": True,
    }

    def __init__(
        self,
        room_url: str,
        token: str | None = None,
        bot_name: str = _BOT_NAME,
        params: DailyParams | None = None,
        input_name: str | None = None,
        output_name: str | None = None,
    ) -> None:
        """Prepare a call. The room is joined when the pipeline is set up.

        Args:
            room_url: Address of the room.
            token: Token for it, if it takes one.
            bot_name: What the bot is called there.
            params: Settings.
            input_name: Name of the input processor.
            output_name: Name of the output processor.

        Raises:
            MissingDependencyError: If ``daily-python`` is not installed.
        """
        super().__init__(input_name=input_name, output_name=output_name)
        self._params = params or DailyParams()
        if self._params.video_in_enabled or self._params.video_out_enabled:
            _logger.warning("%s: calls in rooms of Daily have no video yet, only audio", self)
        self._client = DailyTransportClient(
            room_url, token, bot_name, self._params, deliver=self._deliver, name=self.name
        )
        self._input: DailyInputTransport | None = None
        self._output: DailyOutputTransport | None = None
        self._met_somebody = False

    def input(self) -> DailyInputTransport:
        """The processor that hears the participants."""
        if self._input is None:
            self._input = DailyInputTransport(self._client, self._params, name=self._input_name)
        return self._input

    def output(self) -> DailyOutputTransport:
        """The processor that speaks to them."""
        if self._output is None:
            self._output = DailyOutputTransport(self._client, self._params, name=self._output_name)
        return self._output

    @property
    def room_url(self) -> str:
        """Address of the room."""
        return self._client.room_url

    @property
    def participant_id(self) -> str:
        """The bot's id in the room; empty before it has joined."""
        return self._client.participant_id

    def get_client_id(self, client: Any) -> str:
        """The id of a participant as its events pass it.

        Args:
            client: The participant.
        """
        return client["id"]

    def set_log_level(self, level: Any) -> None:
        """Set how much the SDK logs.

        Args:
            level: A ``daily.LogLevel``.
        """
        import daily

        daily.Daily.set_log_level(level)

    # ---- what a program may ask of the room; most return what went wrong, or None

    def participants(self) -> Mapping[str, Any]:
        """Return who is there, by id; the bot is "local"."""
        return self._client.look_up("participants")

    def participant_counts(self) -> Mapping[str, Any]:
        """Return how many are there, hidden and present."""
        return self._client.look_up("participant_counts")

    async def send_image(self, frame: OutputImageRawFrame | SpriteFrame) -> None:
        """Queue an image to be shown.

        Args:
            frame: The image.
        """
        if self._output is not None:
            await self._output.send_image(frame)

    async def send_audio(self, frame: OutputAudioRawFrame) -> None:
        """Queue audio to be played.

        Args:
            frame: The audio.
        """
        if self._output is not None:
            await self._output.send_audio(frame)

    async def send_dtmf(self, settings: Mapping[str, Any]) -> str | None:
        """Send key tones.

        Args:
            settings: As Daily has them.
        """
        return await self._client.call_session("send_dtmf", settings)

    async def send_prebuilt_chat_message(
        self, message: str, user_name: str | None = None
    ) -> str | None:
        """Write into the chat of Daily's own page.

        Args:
            message: The message.
            user_name: Whose it is to seem.
        """
        return await self._client.call(
            "send_prebuilt_chat_message", message, user_name=user_name or None
        )

    async def start_dialout(
        self, settings: Mapping[str, Any] | None = None
    ) -> tuple[str | None, str | None]:
        """Call somebody by telephone.

        Args:
            settings: Whom, as Daily has it.

        Returns:
            The session, and what went wrong, or None.
        """
        return await self._client.call_for("start_dialout", settings)

    async def stop_dialout(self, participant_id: str) -> str | None:
        """Hang up on somebody who was called.

        Args:
            participant_id: On whom.
        """
        return await self._client.call("stop_dialout", participant_id)

    async def sip_call_transfer(self, settings: Mapping[str, Any]) -> str | None:
        """Hand the telephone call over.

        Args:
            settings: To whom, as Daily has it.
        """
        return await self._client.call_session("sip_call_transfer", settings)

    async def sip_refer(self, settings: Mapping[str, Any]) -> str | None:
        """Refer the telephone call to another line.

        Args:
            settings: To which, as Daily has it.
        """
        return await self._client.call_session("sip_refer", settings)

    async def start_recording(
        self,
        streaming_settings: Mapping[str, Any] | None = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
    ) -> tuple[str | None, str | None]:
        """Begin to record.

        Args:
            streaming_settings: How, as Daily has it.
            stream_id: Name of the recording.
            force_new: Whether it is a new one in any case.

        Returns:
            Name of the recording, and what went wrong, or None.
        """
        return await self._client.call_for(
            "start_recording", streaming_settings, stream_id, force_new
        )

    async def stop_recording(self, stream_id: str | None = None) -> str | None:
        """Stop to record.

        Args:
            stream_id: Name of the recording.
        """
        return await self._client.call("stop_recording", stream_id)

    async def start_transcription(self, settings: Mapping[str, Any] | None = None) -> str | None:
        """Have Daily transcribe. The bot needs a token for that.

        Args:
            settings: How, as Daily has it.
        """
        if not self._client.has_token:
            return "transcription needs a token for the room"
        return await self._client.call("start_transcription", settings=settings)

    async def stop_transcription(self) -> str | None:
        """Have it stop."""
        if not self._client.has_token:
            return "transcription needs a token for the room"
        return await self._client.call("stop_transcription")

    async def update_publishing(self, publishing_settings: Mapping[str, Any]) -> str | None:
        """Change what the bot sends.

        Args:
            publishing_settings: As Daily has them.
        """
        return await self._client.call("update_publishing", publishing_settings)

    async def update_subscriptions(
        self,
        participant_settings: Mapping[str, Any] | None = None,
        profile_settings: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Change what the bot receives.

        Args:
            participant_settings: By participant, as Daily has them.
            profile_settings: By profile, as Daily has them.
        """
        return await self._client.call(
            "update_subscriptions",
            participant_settings=participant_settings,
            profile_settings=profile_settings,
        )

    async def update_remote_participants(
        self, remote_participants: Mapping[str, Any]
    ) -> str | None:
        """Change what participants may do.

        Args:
            remote_participants: By participant, as Daily has it.
        """
        return await self._client.call("update_remote_participants", remote_participants)

    async def capture_participant_audio(
        self, participant_id: str, audio_source: str = "microphone", sample_rate: int = 16000
    ) -> None:
        """Begin to hear a participant. Microphones are heard without this.

        Args:
            participant_id: Whom.
            audio_source: Which of its tracks.
            sample_rate: In Hz.
        """
        if self._input is not None:
            await self._input.capture_participant_audio(participant_id, audio_source, sample_rate)

    # ---- what the room says

    async def _deliver(self, event: str, *args: Any) -> None:
        """Do what an event asks of the transport, and tell the program."""
        before = getattr(self, f"_{event}", None)
        if before is not None:
            await before(*args)
        await self._call_event_handler(event, *args)
        if event == "on_participant_joined":
            await self._call_event_handler("on_client_connected", *args)
            if self._input is not None:
                await self._input.push_frame(ClientConnectedFrame())
        elif event == "on_participant_left":
            await self._call_event_handler("on_client_disconnected", args[0])
        elif event == "on_joined":
            await self._call_event_handler("on_connected", *args)

    @property
    def _processor(self) -> FrameProcessor | None:
        return self._input or self._output

    async def _on_joined(self, _data: Any) -> None:
        if self._params.transcription_enabled:
            settings = dataclasses.asdict(self._params.transcription_settings)
            error = await self.start_transcription(settings)
            if error:
                await self._deliver("on_error", f"cannot start transcription: {error}")
            elif self._input is not None:
                await self._input.broadcast_frame(
                    STTMetadataFrame,
                    service_name=self._input.name,
                    ttfs_p99_latency=_TRANSCRIPTION_TTFS_P99,
                )
        if self._processor is not None:
            await self._processor.push_frame(BotConnectedFrame())

    async def _on_before_leave(self) -> None:
        if self._params.transcription_enabled and self._client.has_token:
            error = await self.stop_transcription()
            if error:
                _logger.warning("%s: cannot stop transcription: %s", self, error)

    async def _on_error(self, error: str) -> None:
        if self._processor is not None:
            await self._processor.push_error(
                f"{self}: {error}", category=ErrorCategory.CONNECTIVITY
            )

    async def _on_participant_joined(self, participant: Mapping[str, Any]) -> None:
        if (
            self._input is not None
            and self._params.audio_in_enabled
            and self._params.audio_in_user_tracks
        ):
            await self._input.capture_participant_audio(
                participant["id"], "microphone", self._client.in_sample_rate
            )
        if not self._met_somebody:
            self._met_somebody = True
            await self._call_event_handler("on_first_participant_joined", participant)

    async def _on_app_message(self, message: Any, sender: str) -> None:
        if self._input is not None:
            await self._input.push_app_message(message, sender)

    async def _on_dtmf_event(self, data: Mapping[str, Any]) -> None:
        tone = data.get("tone")
        if tone not in list(KeypadEntry):
            _logger.warning("%s: the tone %r is no key", self, tone)
        elif self._input is not None:
            await self._input.push_frame(InputDTMFFrame(button=KeypadEntry(tone)))

    async def _on_transcription_message(self, message: Mapping[str, Any]) -> None:
        participant_id = message.get("participantId")
        if not participant_id or self._input is None:
            return
        raw = message.get("rawResponse", {})
        kind = TranscriptionFrame if raw.get("is_final") else InterimTranscriptionFrame
        frame = kind(
            message["text"],
            participant_id,
            message["timestamp"],
            _language_of(raw),
            result=message,
        )
        frame.transport_source = message.get("trackType")
        await self._input.push_frame(frame)

    async def _on_dialin_ready(self, sip_endpoint: str) -> None:
        dialin = self._params.dialin_settings
        if dialin is None:
            return
        body = {
            "callId": dialin.call_id,
            "callDomain": dialin.call_domain,
            "sipUri": sip_endpoint,
        }
        request = urllib.request.Request(
            f"{self._params.api_url}/dialin/pinlessCallUpdate",
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._params.api_key}",
                "Content-Type": "application/json",
            },
        )
        try:
            await asyncio.to_thread(_send, request)
        except OSError as error:
            await self._deliver("on_error", f"cannot connect the call that dials in: {error}")


def _send(request: urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=_DIALIN_TIMEOUT_SECS):
        pass


def _language_of(raw: Mapping[str, Any]) -> Language | None:
    try:
        return Language(raw["channel"]["alternatives"][0]["languages"][0])
    except (KeyError, IndexError, ValueError):
        return None
