"""Transports that need no network: audio files, the microphone and the loudspeaker."""
