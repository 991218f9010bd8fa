"""Text-to-speech with Piper, on this machine."""
