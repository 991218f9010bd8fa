"""Telephone keypad tones (DTMF)."""
