"""HTTP clients that keep their connections between the turns of a conversation."""

from __future__ import annotations

from typing import Any


def lasting_http_client(library: Any) -> Any:
    """Return an HTTP client for a provider's client library.

    The library's own closes a connection after 5 s without use; a new one costs a caller two to
    three round trips before the answer begins.

    Args:
        library: The module ``openai`` or ``anthropic``.
    """
    default = library.DEFAULT_CONNECTION_LIMITS
    return library.DefaultAsyncHttpxClient(
        limits=type(default)(
            max_connections=default.max_connections,
            max_keepalive_connections=default.max_keepalive_connections,
            keepalive_expiry=None,
        )
    )
