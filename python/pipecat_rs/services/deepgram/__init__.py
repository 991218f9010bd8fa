"""Speech-to-text with Deepgram."""

from pipecat_rs.services.deepgram.stt import DeepgramSTTService

__all__ = ["DeepgramSTTService"]
