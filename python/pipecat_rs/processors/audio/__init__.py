"""Processors of audio."""
