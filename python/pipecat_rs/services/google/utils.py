"""Options of Google's clients."""

from __future__ import annotations

from typing import Any

__all__ = ["update_google_client_http_options"]


def update_google_client_http_options(http_options: Any | None) -> Any:
    """Return HTTP options in which Google is told which program asks.

    Args:
        http_options: A mapping, which is left as it is; an object with ``headers``, which is
            changed; or None.
    """
    from pipecat_rs import __version__

    header = {"x-goog-api-client": f"pipecat_rs/{__version__}"}
    if http_options is None or isinstance(http_options, dict):
        options = dict(http_options or {})
        return options | {"headers": {**(options.get("headers") or {}), **header}}
    if hasattr(http_options, "headers"):
        http_options.headers = {**(http_options.headers or {}), **header}
    return http_options
