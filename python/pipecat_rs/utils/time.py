"""Conversions of time."""

from __future__ import annotations

import datetime

from pipecat_rs.frames.timestamp import nanoseconds_to_str

__all__ = [
    "nanoseconds_to_seconds",
    "nanoseconds_to_str",
    "seconds_to_nanoseconds",
    "time_now_iso8601",
]


def time_now_iso8601() -> str:
    """Return the current time in UTC as ISO 8601, to the millisecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def seconds_to_nanoseconds(seconds: float) -> int:
    """Return a time in seconds in whole ns."""
    return int(seconds * 1_000_000_000)


def nanoseconds_to_seconds(nanoseconds: int) -> float:
    """Return a time in ns in seconds."""
    return nanoseconds / 1_000_000_000
