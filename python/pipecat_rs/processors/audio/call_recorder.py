"""Files of what an `AudioBufferProcessor` records."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipecat_rs.audio.recording import AudioRecorder
    from pipecat_rs.processors.audio.audio_buffer_processor import (
        AudioBufferProcessor,
        TurnAudioData,
    )

RecordedTrack = Literal["merged", "user", "bot", "turns"]
"""Both sides in one file, the user's, the bot's, or a file for each side of each turn."""

_TRACKS: tuple[RecordedTrack, ...] = ("merged", "user", "bot", "turns")


class CallRecorder:
    """Writes the recordings of a call into files, in WAV or Ogg/Opus, in threads.

    ::

        buffer = AudioBufferProcessor(buffer_size=64_000, num_channels=2)
        recorder = CallRecorder(buffer, "calls/2031", tracks=("merged",), format="ogg")

    The n-th recording of the processor becomes ``<folder>/call-<n>.wav``, with ``-user`` or
    ``-bot`` behind the number for the tracks and ``-turn-<turn>-user`` for turns. Give the
    processor a `buffer_size`, or it keeps the whole call in memory until the recording stops; and
    ``enable_turn_audio=True`` for turns.

    What goes wrong (a full disk) is logged, as it is for every event handler, and the call goes on.
    """

    def __init__(
        self,
        buffer: AudioBufferProcessor,
        folder: str | Path,
        *,
        tracks: Collection[RecordedTrack] = ("merged",),
        format: Literal["wav", "ogg"] = "wav",
        name: str = "call",
    ) -> None:
        """Listen to a processor. To be made before its recording starts.

        Args:
            buffer: The processor.
            folder: Where to put the files; made if it is missing.
            tracks: What to record.
            format: "wav", or "ogg" for Opus.
            name: What the files' names begin with.

        Raises:
            ValueError: If a track or the format is none.
        """
        if unknown := set(tracks) - set(_TRACKS):
            raise ValueError(f"no such tracks: {sorted(unknown)}; there are {list(_TRACKS)}")
        if format not in ("wav", "ogg"):
            raise ValueError(f"a recording's format is 'wav' or 'ogg', not {format!r}")
        self._folder = Path(folder)
        self._name = name
        self._suffix = f".{format}"
        self._tracks = frozenset(tracks)
        self._number = 0
        self._open: dict[str, AudioRecorder] = {}
        self._files: list[Path] = []
        # Handlers run in tasks of their own; the lock takes them in the order of the events.
        self._lock = asyncio.Lock()
        buffer.add_event_handler("on_recording_started", self._started)
        buffer.add_event_handler("on_recording_stopped", self._stopped)
        if "merged" in self._tracks:
            buffer.add_event_handler("on_audio_data", self._merged)
        if self._tracks & {"user", "bot"}:
            buffer.add_event_handler("on_track_audio_data", self._sides)
        if "turns" in self._tracks:
            buffer.add_event_handler("on_user_turn_audio", self._user_turn)
            buffer.add_event_handler("on_bot_turn_audio", self._bot_turn)

    @property
    def files(self) -> list[Path]:
        """The files that are complete, in the order in which they became so."""
        return list(self._files)

    async def _started(self, _: AudioBufferProcessor) -> None:
        async with self._lock:
            self._number += 1

    async def _stopped(self, _: AudioBufferProcessor) -> None:
        async with self._lock:
            recorders, self._open = self._open, {}
            for part, recorder in recorders.items():
                await asyncio.to_thread(recorder.finish)
                self._files.append(self._path(part))

    async def _merged(
        self, _: AudioBufferProcessor, audio: bytes, sample_rate: int, num_channels: int
    ) -> None:
        async with self._lock:
            await asyncio.to_thread(self._append, "", audio, sample_rate, num_channels)

    async def _sides(
        self, _: AudioBufferProcessor, user: bytes, bot: bytes, sample_rate: int, _channels: int
    ) -> None:
        async with self._lock:
            for side, audio in (("user", user), ("bot", bot)):
                if side in self._tracks:
                    await asyncio.to_thread(self._append, f"-{side}", audio, sample_rate, 1)

    async def _user_turn(self, _: AudioBufferProcessor, turn: TurnAudioData) -> None:
        await self._turn("user", turn)

    async def _bot_turn(self, _: AudioBufferProcessor, turn: TurnAudioData) -> None:
        await self._turn("bot", turn)

    async def _turn(self, side: str, turn: TurnAudioData) -> None:
        part = f"-turn-{turn.turn_number}-{side}"
        async with self._lock:
            await asyncio.to_thread(self._write_whole, part, turn)
            self._files.append(self._path(part))

    def _append(self, part: str, audio: bytes, sample_rate: int, channels: int) -> None:
        from pipecat_rs.audio.recording import open_recorder

        recorder = self._open.get(part)
        if recorder is None:
            recorder = open_recorder(self._path(part), sample_rate, channels)
            self._open[part] = recorder
        recorder.process(audio)
        recorder.sync()  # a program that is killed leaves all that it was told

    def _write_whole(self, part: str, turn: TurnAudioData) -> None:
        from pipecat_rs.audio.recording import open_recorder

        recorder = open_recorder(self._path(part), turn.sample_rate, turn.num_channels)
        try:
            recorder.process(turn.audio)
        finally:
            recorder.finish()

    def _path(self, part: str) -> Path:
        return self._folder / f"{self._name}-{self._number}{part}{self._suffix}"
