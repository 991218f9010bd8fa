"""Text-to-speech with Cartesia."""

from pipecat_rs.services.cartesia.tts import CartesiaTTSService

__all__ = ["CartesiaTTSService"]
