"""The calls that come with the demo. README.md beside this file says where they are from."""

from __future__ import annotations

from pathlib import Path

CALLS = {"human": "human.wav", "scripted": "scripted.wav"}
"""The names of the calls, and their files."""


def call_path(name: str) -> Path:
    """The file of a call.

    Args:
        name: A key of `CALLS`.
    """
    return Path(__file__).with_name(CALLS[name])
