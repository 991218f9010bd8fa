"""Presentation timestamps as text."""

from __future__ import annotations


def nanoseconds_to_str(nanoseconds: int) -> str:
    """Return a time in ns as ``H:MM:SS.microseconds``."""
    seconds, nanoseconds = divmod(nanoseconds, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}.{nanoseconds // 1000:06}"


def format_pts(pts: int | None) -> str | None:
    """Return a frame's presentation timestamp in ns as text, or None if it has none."""
    return nanoseconds_to_str(pts) if pts else None
