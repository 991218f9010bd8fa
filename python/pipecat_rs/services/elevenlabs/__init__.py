"""Text-to-speech with ElevenLabs."""

from pipecat_rs.services.elevenlabs.tts import ElevenLabsTTSService

__all__ = ["ElevenLabsTTSService"]
