"""Audio of several requests that arrives at the same time and is played one after the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pipecat_rs.frames.frames import Frame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat_rs.utils.frame_queue import FrameQueue

__all__ = ["AudioContextFrame", "AudioContextManager"]

_BYTES_PER_SAMPLE = 2
_STILL_THERE = object()


@dataclass(repr=False, eq=False)
class AudioContextFrame(Frame):
    """Stands for a request in the order of playing.

    Attributes:
        context_id: The request.
    """

    context_id: str


class AudioContextManager:
    """Keeps what belongs to each request, and the order in which requests and frames are played.

    Attributes:
        playing_context_id: The request that is played; the caller sets it to None at its end.
    """

    def __init__(self) -> None:
        """Begin with nothing to play."""
        self.playing_context_id: str | None = None
        self._contexts: dict[str, asyncio.Queue[Any]] = {}
        self._split_samples: dict[str, TTSAudioRawFrame] = {}
        self._order = FrameQueue(lambda item: item if isinstance(item, Frame) else None)

    @property
    def context_ids(self) -> list[str]:
        """The requests that have not been played to their end."""
        return list(self._contexts)

    def available(self, context_id: str) -> bool:
        """Return whether a request is there that has not been played to its end.

        Args:
            context_id: The request.
        """
        return context_id in self._contexts

    async def create(self, context_id: str, *, interruptible: bool = True) -> None:
        """Add a request, to be played behind what is there.

        Args:
            context_id: The request.
            interruptible: Whether `reset` takes it out of the order.
        """
        self._contexts[context_id] = asyncio.Queue()
        frame = AudioContextFrame(context_id)
        frame.interruptible = interruptible
        await self._order.put(frame)

    async def append(self, context_id: str, item: Any) -> None:
        """Add something to a request. Audio is cut to whole samples; the rest joins the next one.

        Args:
            context_id: The request.
            item: A frame or whatever the caller wants back, or None for the end of the request.

        Raises:
            KeyError: If there is no such request.
        """
        queue = self._contexts[context_id]
        if isinstance(item, TTSAudioRawFrame):
            if not self._make_whole(context_id, item):
                return
        elif item is None or isinstance(item, TTSStoppedFrame):
            split = self._split_samples.pop(context_id, None)
            if split is not None:
                # The end of the audio is the end of the sample, too.
                silence = -len(split.audio) % _bytes_of_frame(split)
                await queue.put(_with_audio(split, split.audio + bytes(silence), context_id))
        await queue.put(item)

    def keepalive(self, context_id: str) -> None:
        """Let `get` wait for as long again, as the request goes on.

        Args:
            context_id: The request; one that is not there is left alone.
        """
        if context_id in self._contexts:
            self._contexts[context_id].put_nowait(_STILL_THERE)

    async def put_frame(self, frame: Frame) -> None:
        """Add a frame, to be played behind what is there.

        Args:
            frame: The frame.
        """
        await self._order.put(frame)

    async def end_playback(self) -> None:
        """Say that nothing is played behind what is there."""
        await self._order.put(None)

    async def next_for_playback(self) -> Frame | None:
        """Wait for what is played next.

        Returns:
            An `AudioContextFrame`, whose request then is the one that is played; or another frame;
            or None at the end.
        """
        while True:
            item = await self._order.get()
            self._order.task_done()
            if not isinstance(item, AudioContextFrame):
                return item
            if item.context_id in self._contexts:
                self.playing_context_id = item.context_id
                return item

    async def get(self, context_id: str, timeout: float) -> Any:
        """Wait for the next thing of a request.

        Args:
            context_id: The request.
            timeout: Longest time to wait in seconds.

        Returns:
            The thing; None for the end of the request.

        Raises:
            TimeoutError: If nothing comes in time.
            KeyError: If there is no such request.
        """
        queue = self._contexts[context_id]
        while True:
            async with asyncio.timeout(timeout):
                item = await queue.get()
            if item is not _STILL_THERE:
                return item

    def remove(self, context_id: str) -> None:
        """Remove a request with all that it has.

        Args:
            context_id: The request.
        """
        self._contexts.pop(context_id, None)
        self._split_samples.pop(context_id, None)

    def reset(self) -> None:
        """Take out of the order what an interruption drops. The requests stay until removed."""
        self._order.reset()

    def _make_whole(self, context_id: str, frame: TTSAudioRawFrame) -> bool:
        """Cut audio to whole samples; return whether anything is left of it."""
        before = self._split_samples.pop(context_id, None)
        audio = frame.audio if before is None else before.audio + frame.audio
        size = _bytes_of_frame(frame)
        end = len(audio) - len(audio) % size
        if end < len(audio):
            self._split_samples[context_id] = _with_audio(frame, audio[end:], context_id)
        if end and (before is not None or end < len(audio)):
            frame.audio = audio[:end]
            frame.num_frames = end // size
        return end > 0 or not audio


def _bytes_of_frame(frame: TTSAudioRawFrame) -> int:
    return _BYTES_PER_SAMPLE * max(frame.num_channels, 1)


def _with_audio(frame: TTSAudioRawFrame, audio: bytes, context_id: str) -> TTSAudioRawFrame:
    return TTSAudioRawFrame(audio, frame.sample_rate, frame.num_channels, context_id=context_id)
