"""Daily's SDK, as the input and the output of a transport share it.

The SDK calls back on threads of its own. What it says is handed to the event loop and nothing waits
for it there: a callback that waits for the loop, which waits for the SDK, would never end.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import (
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat_rs.transports.daily.join_settings import join_settings
from pipecat_rs.transports.daily.params import DailyCustomAudioTrackParams, DailyParams

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessorSetup

_logger = logging.getLogger(__name__)

JOIN_TIMEOUT_SECS = 15.0
"""Longest time to join a room. Less than a pipeline allows for its set-up."""

CALL_TIMEOUT_SECS = 10.0
"""Longest time that Daily may take to answer anything else."""

RELEASE_TIMEOUT_SECS = 5.0
"""Longest time to leave a room, and to release the SDK's client."""

_MAX_EARLY_MESSAGES = 1000
_MAX_AUDIO_BEHIND = 500
_SPEAKER_CHUNK_SECS = 0.02
_SPEAKER_IDLE_SECS = 0.01

EVENTS = (
    *("on_active_speaker_changed", "on_app_message", "on_call_state_updated"),
    *("on_dialin_connected", "on_dialin_ready", "on_dialin_stopped"),
    *("on_dialin_error", "on_dialin_warning"),
    *("on_dialout_answered", "on_dialout_connected", "on_dialout_stopped"),
    *("on_dialout_error", "on_dialout_warning"),
    *("on_dtmf_event", "on_network_connection_status_updated"),
    *("on_participant_joined", "on_participant_left", "on_participant_updated"),
    *("on_transcription_started", "on_transcription_stopped"),
    *("on_transcription_error", "on_transcription_message"),
    *("on_recording_started", "on_recording_stopped", "on_recording_error"),
)
"""What the SDK reports, by the names of its handler's methods."""

AudioCallback = Callable[[str, bytes, int, int, str], Awaitable[None]]
"""Called with participant, audio, sample rate in Hz, channels and source."""


class DailyTransportClient:
    """One client of the SDK. It joins with the first of its holders and leaves with the last."""

    def __init__(
        self,
        room_url: str,
        token: str | None,
        bot_name: str,
        params: DailyParams,
        *,
        deliver: Callable[..., Awaitable[None]],
        name: str,
    ) -> None:
        """Prepare to join.

        Args:
            room_url: Address of the room.
            token: Token for it, if it takes one.
            bot_name: What the bot is called there.
            params: Settings of the call.
            deliver: Awaited with the name of each event and its arguments.
            name: Name of the transport.

        Raises:
            MissingDependencyError: If ``daily-python`` is not installed.
        """
        if importlib.util.find_spec("daily") is None:
            raise MissingDependencyError.of("daily", needed_by=name, extra="daily")
        self.room_url = room_url
        self.participant_id = ""
        self.in_sample_rate = 0
        self.out_sample_rate = 0
        self.dialin_session_id = ""
        self.dialout_session_id = ""
        self._token = token
        self._bot_name = bot_name
        self._params = params
        self._deliver = deliver
        self._name = name
        self._lock = asyncio.Lock()
        self._holders: set[Any] = set()
        self._in_room: set[Any] = set()
        self._client: Any = None
        self._handler: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._joined = asyncio.Event()
        self._left = False
        self._events: asyncio.Queue[tuple[str, tuple[Any, ...]]] = asyncio.Queue()
        self._audio: deque[tuple[AudioCallback, tuple[Any, ...]]] = deque(maxlen=_MAX_AUDIO_BEHIND)
        self._audio_came = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._task_manager: Any = None
        self._early_messages: deque[Any] = deque(maxlen=_MAX_EARLY_MESSAGES)
        self._speaker: Any = None
        # The SDK's source and track, by destination; None is the microphone.
        self._tracks: dict[str | None, tuple[Any, Any]] = {}

    def __str__(self) -> str:
        return f"{self._name}::DailyTransportClient"

    @property
    def joined(self) -> bool:
        """Whether the bot is in the room."""
        return self._joined.is_set() and not self._left

    @property
    def has_token(self) -> bool:
        """Whether the bot has a token for the room."""
        return bool(self._token)

    # ---- joining and leaving

    async def join(self, holder: Any, setup: FrameProcessorSetup) -> None:
        """Join the room, unless another holder has done so.

        Args:
            holder: Who needs it.
            setup: What the task gives to its processors.
        """
        async with self._lock:
            first = not self._holders
            self._holders.add(holder)
            self._in_room.add(holder)
            if first:
                self._open(setup)
                await self._join()

    async def leave(self, holder: Any) -> None:
        """Leave the room with the last of the holders.

        Args:
            holder: Who does not need it any more; one that did not join is ignored.
        """
        async with self._lock:
            if holder in self._in_room:
                self._in_room.remove(holder)
                if not self._in_room:
                    await self._leave()

    async def release(self, holder: Any) -> None:
        """Leave the room, and release the SDK's client with the last of the holders.

        Args:
            holder: Who does not need it any more; one that did not join is ignored.
        """
        await self.leave(holder)
        async with self._lock:
            if holder in self._holders:
                self._holders.remove(holder)
                if not self._holders:
                    await self._close()

    def _open(self, setup: FrameProcessorSetup) -> None:
        _init_sdk()
        import daily

        params = self._params
        self._loop = asyncio.get_running_loop()
        self._task_manager = setup.task_manager
        self._left = False
        self.in_sample_rate = params.audio_in_sample_rate or setup.audio_in_sample_rate
        self.out_sample_rate = params.audio_out_sample_rate or setup.audio_out_sample_rate
        self._handler = _event_handler_class()(self._event_from_sdk)
        self._client = daily.CallClient(event_handler=self._handler)
        for coroutine, name in ((self._tell_events(), "events"), (self._tell_audio(), "audio")):
            self._tasks.append(setup.task_manager.create_task(coroutine, f"{self}::{name}"))
        if params.audio_in_enabled and not params.audio_in_user_tracks:
            self._speaker = daily.Daily.create_speaker_device(
                f"speaker-{self}",
                sample_rate=self.in_sample_rate,
                channels=params.audio_in_channels,
                non_blocking=True,
            )
            daily.Daily.select_speaker_device(f"speaker-{self}")
        if params.audio_out_enabled and params.microphone_out_enabled:
            self._tracks[None] = self._make_track(
                self.out_sample_rate, params.audio_out_channels, params.audio_out_auto_silence
            )

    async def _join(self) -> None:
        client = self._client
        # Nobody pays for video that is not looked at.
        client.update_subscription_profiles(
            {"base": {"camera": "unsubscribed", "screenVideo": "unsubscribed"}}
        )
        client.set_user_name(self._bot_name)
        microphone = self._tracks.get(None)
        settings = join_settings(self._params, microphone[1].id if microphone else None)
        answer = await self._ask(
            "join", self.room_url, self._token, client_settings=settings, timeout=JOIN_TIMEOUT_SECS
        )
        data, error = answer if isinstance(answer, tuple) else (None, answer)
        if error or data is None:
            await self._deliver("on_error", f"cannot join {self.room_url}: {error}")
            return
        self.participant_id = data.get("participants", {}).get("local", {}).get("id", "")
        _logger.info("%s: joined %s as %s", self, self.room_url, self.participant_id)
        await self._deliver("on_joined", data)
        self._joined.set()
        while self._early_messages:
            await self.send_message(self._early_messages.popleft())

    async def _leave(self) -> None:
        if not self._joined.is_set():
            return
        is_over, self._left = self._left, True
        await self._deliver("on_before_leave")
        error = None if is_over else await self._ask("leave", timeout=RELEASE_TIMEOUT_SECS)
        if error:
            await self._deliver("on_error", f"cannot leave {self.room_url}: {error}")
        else:
            _logger.info("%s: left %s", self, self.room_url)
            await self._deliver("on_left")

    async def _close(self) -> None:
        for task in self._tasks:
            await self._task_manager.cancel_task(task)
        self._tasks.clear()
        client, self._client = self._client, None
        released = asyncio.Event()

        def release() -> None:
            client.release()
            self._post(released.set)

        # It waits for an attempt to join, some 20 s. A daemon thread holds up neither the loop nor
        # the end of the process.
        threading.Thread(target=release, name=f"{self}::release", daemon=True).start()
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT_SECS):
                await released.wait()
        except TimeoutError:
            _logger.warning("%s: the SDK takes its time to release the client", self)
        self._handler = self._speaker = None
        self._tracks.clear()
        self._early_messages.clear()
        self._audio.clear()
        self._events = asyncio.Queue()
        self._joined.clear()

    # ---- what the SDK says

    def _event_from_sdk(self, event: str, *args: Any) -> None:
        self._post(self._events.put_nowait, (event, args))

    def _post(self, callback: Callable[..., None], *args: Any) -> None:
        """Call something on the event loop, from a thread of the SDK."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            _logger.debug("%s: the event loop is closed", self)

    async def _tell_events(self) -> None:
        await self._joined.wait()
        while True:
            event, args = await self._events.get()
            try:
                await self._note(event, args)
                await self._deliver(event, *args)
            except Exception:
                # One event that cannot be handled must not cost the others.
                _logger.exception("%s: %s failed", self, event)

    async def _note(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "on_call_state_updated" and args[0] == "left" and not self._left:
            # Leaving on purpose would have said so before: the room, or the bot's stay, is over.
            self._left = True
            await self._deliver("on_error", f"the call in {self.room_url} is over")
        kind, _, what = event.removeprefix("on_").partition("_")
        if kind not in ("dialin", "dialout") or what not in ("connected", "stopped", "error"):
            return
        session = args[0].get("sessionId", "") if isinstance(args[0], Mapping) else ""
        if what == "connected":
            setattr(self, f"{kind}_session_id", session)
        elif session == getattr(self, f"{kind}_session_id"):
            setattr(self, f"{kind}_session_id", "")

    # ---- audio

    async def hear(
        self, participant_id: str, callback: AudioCallback, audio_source: str, sample_rate: int
    ) -> None:
        """Begin to receive the audio of a participant.

        Args:
            participant_id: Whose.
            callback: Awaited with each piece, 20 ms long.
            audio_source: Which of its tracks: "microphone", "screenAudio" or a name of its own.
            sample_rate: In Hz.
        """
        builtin = audio_source in ("microphone", "screenAudio")
        tracks: dict[str, Any] = {audio_source: "subscribed"}
        media = tracks if builtin else {"customAudio": tracks}
        await self.call(
            "update_subscriptions", participant_settings={participant_id: {"media": media}}
        )

        def received(participant_id: str, audio: Any, source: str) -> None:
            piece = (audio.audio_frames, audio.sample_rate, audio.num_channels, source)
            self._post(self._keep_audio, callback, (participant_id, *piece))

        if self._client is not None:
            self._client.set_audio_renderer(
                participant_id,
                received,
                audio_source=audio_source,
                sample_rate=sample_rate,
                callback_interval_ms=20,
            )

    def _keep_audio(self, callback: AudioCallback, piece: tuple[Any, ...]) -> None:
        if len(self._audio) == _MAX_AUDIO_BEHIND:
            _logger.warning("%s: the pipeline does not keep up, audio is dropped", self)
        self._audio.append((callback, piece))
        self._audio_came.set()

    async def _tell_audio(self) -> None:
        while True:
            await self._audio_came.wait()
            self._audio_came.clear()
            while self._audio:
                callback, piece = self._audio.popleft()
                await callback(*piece)

    async def read_audio(self) -> bytes:
        """Return the next 20 ms of all participants mixed; nothing while nobody is there."""
        if self._speaker is None or self._client is None:
            await asyncio.sleep(_SPEAKER_IDLE_SECS)
            return b""
        frames = int(self.in_sample_rate * _SPEAKER_CHUNK_SECS)
        audio = await self._completion(lambda done: self._speaker.read_frames(frames, done))
        if not audio:
            # It answers at once if nobody is there.
            await asyncio.sleep(_SPEAKER_IDLE_SECS)
        return audio

    async def write_audio(self, frame: OutputAudioRawFrame) -> bool:
        """Play a chunk of audio. This takes as long as the audio lasts.

        Args:
            frame: The chunk.

        Returns:
            Whether it was taken.
        """
        track = self._tracks.get(frame.transport_destination)
        if track is None or self._client is None:
            _logger.warning("%s: no audio track %r", self, frame.transport_destination)
            return False
        source = track[0]
        return await self._completion(lambda done: source.write_frames(frame.audio, done)) > 0

    async def add_audio_track(self, destination: str, auto_silence: bool) -> str | None:
        """Make a further audio track.

        Args:
            destination: Its name.
            auto_silence: Whether it plays silence while nothing is written.

        Returns:
            What went wrong, or None.
        """
        given = (self._params.custom_audio_track_params or {}).get(destination)
        settings = given or DailyCustomAudioTrackParams()
        rate = settings.sample_rate or self.out_sample_rate
        track = self._tracks[destination] = self._make_track(rate, settings.channels, auto_silence)
        error = await self.call("add_custom_audio_track", destination, track[1])
        if error:
            return error
        sent = {"sendSettings": settings.send_settings} if settings.send_settings else True
        return await self.call("update_publishing", {"customAudio": {destination: sent}})

    def _make_track(self, rate: int, channels: int, auto_silence: bool) -> tuple[Any, Any]:
        import daily

        source = daily.CustomAudioSource(rate, channels, auto_silence)
        return source, daily.CustomAudioTrack(source)

    # ---- messages and calls

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> str | None:
        """Send a message to participants. One that comes early is sent when the bot has joined.

        Args:
            frame: The message.

        Returns:
            What went wrong, or None. Nobody is told of messages after the call: whoever relays
            errors as messages would never end.
        """
        if self._left:
            return None
        if not self.joined:
            self._early_messages.append(frame)
            return None
        participant_id = getattr(frame, "participant_id", None)
        return await self.call("send_app_message", frame.message, participant_id)

    async def call(self, method: str, *args: Any, **kwargs: Any) -> str | None:
        """Call a method of the SDK's client.

        Args:
            method: Its name.
            *args: Its arguments.
            **kwargs: Its arguments by name.

        Returns:
            What went wrong, or None.
        """
        return await self._ask(method, *args, **kwargs)

    async def call_session(self, method: str, settings: Mapping[str, Any]) -> str | None:
        """Call a method of the SDK's client that concerns a telephone call.

        Args:
            method: Its name.
            settings: Its settings; without a ``sessionId`` they are for the present call.

        Returns:
            What went wrong, or None.
        """
        session = settings.get("sessionId") or self.dialout_session_id or self.dialin_session_id
        if not session:
            return f"{method} needs a sessionId, as there is no telephone call"
        return await self.call(method, {**settings, "sessionId": session})

    async def call_for(self, method: str, *args: Any, **kwargs: Any) -> tuple[Any, str | None]:
        """Call a method of the SDK's client that has an answer.

        Args:
            method: Its name.
            *args: Its arguments.
            **kwargs: Its arguments by name.

        Returns:
            The answer, and what went wrong, or None.
        """
        answer = await self._ask(method, *args, **kwargs)
        return answer if isinstance(answer, tuple) else (None, answer)

    def look_up(self, method: str) -> Mapping[str, Any]:
        """Return what a method of the SDK's client says at once; nothing before the set-up.

        Args:
            method: Its name.
        """
        return getattr(self._client, method)() if self._client is not None else {}

    async def _ask(
        self, method: str, *args: Any, timeout: float = CALL_TIMEOUT_SECS, **kwargs: Any
    ) -> Any:
        client = self._client
        if client is None:
            return f"{method} needs a call, and there is none"
        try:
            async with asyncio.timeout(timeout):
                return await self._completion(
                    lambda done: getattr(client, method)(*args, completion=done, **kwargs)
                )
        except TimeoutError:
            return f"no answer to {method} within {timeout} s"

    async def _completion(self, start: Callable[[Callable[..., None]], Any]) -> Any:
        """Start something in the SDK, and return what it says when it is done."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(answer: tuple[Any, ...]) -> None:
            if not future.done():
                future.set_result(answer[0] if len(answer) == 1 else answer)

        start(lambda *answer: self._post(settle, answer))
        return await future


@functools.cache
def _init_sdk() -> None:
    """Start the SDK, once for the process."""
    import daily

    daily.Daily.init()


@functools.cache
def _event_handler_class() -> Any:
    """Return a handler of the SDK's that hands every event on, with its name."""
    from daily import EventHandler

    class Handler(EventHandler):
        def __new__(cls, *_args: Any) -> Any:
            return super().__new__(cls)

        def __init__(self, event: Callable[..., None]) -> None:
            super().__init__()
            self.event = event

    def forward(name: str) -> Callable[..., None]:
        return lambda self, *args: self.event(name, *args)

    for name in EVENTS:
        setattr(Handler, name, forward(name))
    return Handler
