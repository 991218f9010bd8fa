"""Tells the pipeline, in both directions, when the bot starts, goes on and stops to speak."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipecat_rs.audio.samples import is_silence
from pipecat_rs.frames.frames import (
    BotSpeakingFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    OutputAudioRawFrame,
    SpeechOutputAudioRawFrame,
    TTSAudioRawFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection

if TYPE_CHECKING:
    from pipecat_rs.transports.base_output import BaseOutputTransport

logger = logging.getLogger(__name__)

SPEAKING_PERIOD_SECS = 0.2
"""How often a bot that speaks says so."""

STREAM_STOP_SECS = 0.35
"""In an unbroken stream of audio, silence of this length ends the bot's speech."""


class BotSpeech:
    """Whether the bot speaks on one destination, judged by the audio that is played there."""

    def __init__(self, transport: BaseOutputTransport, destination: str | None) -> None:
        """Initialize as silent.

        Args:
            transport: Which announces it.
            destination: The track's name; None for the default one.
        """
        self._transport = transport
        self._destination = destination
        self._announced_at = 0.0
        self.voice_heard_at = 0.0
        self.speaking = False
        # Only after speech from a TTS does its stop frame mean that the bot has finished.
        self.tts_heard = False

    async def playing(self, frame: OutputAudioRawFrame, now: float) -> None:
        """Note the audio that is being played.

        Args:
            frame: A chunk.
            now: On the clock that paces it, in seconds.
        """
        if isinstance(frame, TTSAudioRawFrame):
            self.tts_heard = True
            await self._voice(now)
        elif isinstance(frame, SpeechOutputAudioRawFrame):
            if not is_silence(frame.audio):
                await self._voice(now)
            elif now - self.voice_heard_at > STREAM_STOP_SECS:
                await self.stop()

    async def stop(self) -> bool:
        """Note that the bot has stopped.

        Returns:
            Whether it was speaking.
        """
        if not self.speaking:
            return False
        self.speaking = False
        self.tts_heard = False
        logger.debug("%s: the bot stopped speaking", self._transport)
        await self._announce(BotStoppedSpeakingFrame)
        return True

    async def _voice(self, now: float) -> None:
        self.voice_heard_at = now
        if not self.speaking:
            self.speaking = True
            self._announced_at = float("-inf")
            logger.debug("%s: the bot started speaking", self._transport)
            await self._announce(BotStartedSpeakingFrame)
        if now - self._announced_at >= SPEAKING_PERIOD_SECS:
            self._announced_at = now
            # An end may wait for the last words, however long they are.
            self._transport.pipeline_worker._note_progress()
            await self._announce(BotSpeakingFrame)

    async def _announce(
        self,
        kind: type[BotStartedSpeakingFrame | BotStoppedSpeakingFrame | BotSpeakingFrame],
    ) -> None:
        down, up = kind(), kind()
        for frame, sibling in ((down, up), (up, down)):
            frame.broadcast_sibling_id = sibling.id
            frame.transport_destination = self._destination
        await self._transport.push_frame(down)
        await self._transport.push_frame(up, FrameDirection.UPSTREAM)
