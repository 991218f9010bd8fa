"""A fake of Daily's SDK, the package ``daily``: a room in this process.

Like the real one it calls back on a thread of its own, and takes audio at the pace of the audio.
"""

import importlib.machinery
import time
import types
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class EventHandler:
    """What the transport's handler derives from."""


class AudioData:
    def __init__(self, audio: bytes, sample_rate: int) -> None:
        self.audio_frames, self.sample_rate, self.num_channels = audio, sample_rate, 1


class FakeRoom:
    """The room, and the bot's client in it.

    Attributes:
        calls: What the client was asked for: name, arguments.
        errors: What goes wrong, by name of what is asked for.
        silent: What is never answered.
        answers: What is answered beside the error.
        written: Audio that the bot has played, by track.
        speaker: Audio that the virtual speaker has still to give.
        released: Whether the client was released.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.errors: dict[str, str] = {}
        self.silent: set[str] = set()
        self.answers: dict[str, Any] = {"start_dialout": "session", "start_recording": "stream"}
        self.written: dict[str, bytearray] = {}
        self.speaker: list[bytes] = []
        self.released = False
        self.handler: Any = None
        self.renderers: dict[str, Any] = {}
        self._thread = ThreadPoolExecutor(1, "fake-daily")
        self._audio_thread = ThreadPoolExecutor(1, "fake-daily-audio")

    def close(self) -> None:
        for thread in (self._thread, self._audio_thread):
            thread.shutdown(cancel_futures=True)

    def module(self) -> types.ModuleType:
        """The package."""
        module = types.ModuleType("daily")
        module.__spec__ = importlib.machinery.ModuleSpec("daily", None)
        room = self

        class CallClient:
            def __init__(self, event_handler: Any = None) -> None:
                room.handler, room.released = event_handler, False

            def __getattr__(self, method: str) -> Any:
                return lambda *args, **kwargs: room._asked(method, *args, **kwargs)

        class CustomAudioSource:
            def __init__(self, sample_rate: int, channels: int, auto_silence: bool) -> None:
                self.rate, self.written = sample_rate, bytearray()

            def write_frames(self, frame: bytes, completion: Any) -> None:
                def play() -> None:
                    time.sleep(len(frame) / 2 / self.rate)
                    self.written.extend(frame)
                    completion(len(frame) // 2)

                room._audio_thread.submit(play)

        class CustomAudioTrack:
            def __init__(self, source: CustomAudioSource) -> None:
                self.id = f"track-{len(room.written)}"
                room.written[self.id] = source.written

        class Speaker:
            def read_frames(self, count: int, completion: Any) -> None:
                audio = room.speaker.pop(0) if room.speaker else b""
                room._thread.submit(completion, audio)

        class Daily:
            levels: list[Any] = []  # noqa: RUF012
            init = staticmethod(lambda: None)
            create_speaker_device = staticmethod(lambda *_args, **_kwargs: Speaker())
            select_speaker_device = staticmethod(lambda _name: None)
            set_log_level = levels.append

        for thing in (CallClient, CustomAudioSource, CustomAudioTrack, Daily, EventHandler):
            setattr(module, thing.__name__, thing)
        return module

    # ---- what a test has happen

    def emit(self, event: str, *args: Any) -> None:
        """Report an event, on the SDK's thread."""
        self._thread.submit(getattr(self.handler, event), *args)

    def speak(self, participant_id: str, audio: bytes, sample_rate: int = 16_000) -> None:
        """Have a participant say something."""
        received = self.renderers[participant_id]
        data = AudioData(audio, sample_rate)
        self._thread.submit(received, participant_id, data, "microphone")

    def asked(self, method: str) -> list[tuple[Any, ...]]:
        """The arguments of each time that something was asked for."""
        return [args for name, args, _ in self.calls if name == method]

    def _asked(self, method: str, *args: Any, completion: Any = None, **kwargs: Any) -> Any:
        self.calls.append((method, args, kwargs))
        match method:
            case "release":
                self.released = True
            case "participants":
                return {"local": {"id": "bot"}}
            case "participant_counts":
                return {"present": 1, "hidden": 0}
            case "set_audio_renderer":
                self.renderers[args[0]] = args[1]
        if completion is None or method in self.silent:
            return None
        error = self.errors.get(method)
        if method == "join":
            data = {"participants": {"local": {"id": "bot"}}, "meetingSession": {"id": "m"}}
            self._thread.submit(completion, None if error else data, error)
        elif method in self.answers:
            self._thread.submit(completion, self.answers[method], error)
        else:
            self._thread.submit(completion, error)
        return None
