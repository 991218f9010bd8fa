"""Background sound from audio files."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from pipecat_rs.audio.audio_file_reader import AudioFileError, AudioFileReader
from pipecat_rs.audio.dsp import BackgroundSound, Sound
from pipecat_rs.audio.mixers.base_audio_mixer import BaseAudioMixer
from pipecat_rs.frames.frames import MixerEnableFrame, MixerUpdateSettingsFrame

if TYPE_CHECKING:
    from pipecat_rs.frames.frames import MixerControlFrame

logger = logging.getLogger(__name__)

_FADE_SECS = 0.02
"""In which a sound, its volume or the switch goes from nothing to all: no click, and no wait."""
_READ_SECS = 10.0

_decoded: WeakValueDictionary[tuple[str, int, int, int], Sound] = WeakValueDictionary()
"""Files by path, date of change, size and sample rate: calls that play one share it."""


class SoundfileMixer(BaseAudioMixer):
    """Plays one of several audio files behind the voice.

    Files may have any format that libsndfile knows, any rate and number of channels: they are
    converted to the transport's rate, and to mono. They are repeated without a gap. The sum with
    the voice is limited softly rather than clipped, and what is changed is faded over 20 ms.

    A `MixerUpdateSettingsFrame` changes ``sound`` (a name), ``volume`` or ``loop``, a
    `MixerEnableFrame` switches the sound on and off.
    """

    def __init__(
        self,
        *,
        sound_files: Mapping[str, str],
        default_sound: str,
        volume: float = 0.4,
        mixing: bool = True,
        loop: bool = True,
        **kwargs: Any,
    ) -> None:
        """Make a mixer. The files are read when the transport starts.

        Args:
            sound_files: Path of a file for each sound's name.
            default_sound: Name of the sound that plays first.
            volume: What sounds are multiplied by: 0 for silence, 1 for as they are.
            mixing: Whether there is sound from the beginning.
            loop: Whether a sound begins again when it is over.
            **kwargs: For the base class.
        """
        super().__init__(**kwargs)
        self._sound_files = dict(sound_files)
        self._sound = default_sound
        self._volume = volume
        self._mixing = mixing
        self._loop = loop
        self._background: BackgroundSound | None = None
        # Kept as long as they may play: that is how others find them decoded.
        self._sounds: list[Sound] = []

    @property
    def background(self) -> BackgroundSound | None:
        """What mixes, for native playout; None before the start. Mono."""
        return self._background

    async def start(self, sample_rate: int) -> None:
        """Read the files, in threads. One that cannot be read is reported and left out.

        Args:
            sample_rate: Rate of what the transport plays, in Hz.

        Raises:
            MissingDependencyError: If soundfile is not installed.
        """
        background = BackgroundSound(self._volume, fade=round(_FADE_SECS * sample_rate))
        background.enabled = self._mixing
        background.set_repeats(self._loop)
        for name, path in self._sound_files.items():
            try:
                sound = await asyncio.to_thread(_read, path, sample_rate)
            except (AudioFileError, OSError) as error:
                logger.error("the background sound %r is left out: %s", name, error)
            else:
                background.add(name, sound)
                self._sounds.append(sound)
        self._background = background
        if not background.play(self._sound):
            logger.error("no background sound plays: %s", self._unknown(self._sound))

    async def stop(self) -> None:
        """Forget the sounds."""
        self._background = None
        self._sounds.clear()

    async def process_frame(self, frame: MixerControlFrame) -> None:
        """Change the settings, or switch the sound on or off.

        Args:
            frame: The frame. Settings that do not exist are ignored.
        """
        if isinstance(frame, MixerEnableFrame):
            self._mixing = frame.enable
            if self._background:
                self._background.enabled = frame.enable
        elif isinstance(frame, MixerUpdateSettingsFrame):
            for setting, value in frame.settings.items():
                self._change(setting, value)

    async def mix(self, audio: bytes) -> bytes:
        """Add the sound to a piece of the voice.

        Args:
            audio: 16-bit mono samples at the transport's rate.

        Returns:
            As many samples.
        """
        return self._background.mix(audio) if self._background else audio

    def _change(self, setting: str, value: Any) -> None:
        background = self._background
        match setting:
            case "sound":
                if value not in self._sound_files or (background and not background.play(value)):
                    logger.error("the background sound stays: %s", self._unknown(value))
                else:
                    self._sound = value
            case "volume":
                self._volume = float(value)
                if background:
                    background.volume = self._volume
            case "loop":
                self._loop = bool(value)
                if background:
                    background.set_repeats(self._loop)

    def _unknown(self, name: str) -> str:
        return f"there is no sound {name!r} among {sorted(self._sound_files)} that could be read"


def _read(path: str, sample_rate: int) -> Sound:
    """Decode a whole file as mono at a rate, or find it decoded."""
    reader = AudioFileReader(path)
    try:
        status = os.stat(path)
        key = (os.path.realpath(path), status.st_mtime_ns, status.st_size, sample_rate)
        sound = _decoded.get(key)
        if sound is None:
            reader.convert_to(sample_rate)
            pieces = list(iter(lambda: reader.read(_READ_SECS), b""))
            sound = _decoded[key] = Sound(b"".join(pieces))
        return sound
    finally:
        reader.close()
