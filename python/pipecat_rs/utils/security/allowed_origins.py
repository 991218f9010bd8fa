"""Which web pages may talk to a server, by the ``Origin`` header of their requests."""

from __future__ import annotations

import os
from collections.abc import Iterable

ALLOWED_ORIGINS_VARIABLE = "PIPECAT_ALLOWED_ORIGINS"


def default_allowed_origins() -> list[str]:
    """Return the origins of ``PIPECAT_ALLOWED_ORIGINS``, separated by commas; none if it is unset.

    None means that all are allowed, see `is_origin_allowed`.
    """
    entries = os.environ.get(ALLOWED_ORIGINS_VARIABLE, "").split(",")
    return [entry.strip() for entry in entries if entry.strip()]


def is_origin_allowed(origin: str, allowed_origins: Iterable[str]) -> bool:
    """Return whether requests of an origin are allowed. Upper and lower case are the same.

    Args:
        origin: The header's value; empty if there was none, which only an empty list allows.
        allowed_origins: The origins that are allowed; none for all.
    """
    allowed = {entry.lower() for entry in allowed_origins}
    return not allowed or origin.lower() in allowed
