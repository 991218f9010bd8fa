"""Text-to-speech with hibari, on this machine."""
