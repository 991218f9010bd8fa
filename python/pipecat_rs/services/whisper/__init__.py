"""Speech-to-text with Whisper, on this machine."""
