"""How Google's client library reaches Google."""

from __future__ import annotations

from typing import Any

from pipecat_rs.services.lasting_http_client import tls_context

# Like the libraries of the other providers, and unlike Google's, which does not try again.
_RETRIES = {"attempts": 3, "initial_delay": 0.5, "jitter": 0.2}

# With one of these the caller has chosen a client already.
_OF_A_CLIENT = ("httpx_async_client", "aiohttp_client", "async_client_args")


def with_lasting_client(options: Any) -> tuple[Any, Any]:
    """Return options with an HTTP client that keeps its connections between turns.

    Without it the library takes aiohttp if that happens to be installed, and waits for up to 10 s
    before it tries anew, or else an httpx that closes a connection after 5 s without use.

    Args:
        options: A ``google.genai.types.HttpOptions``, which is left as it is.

    Returns:
        The options, and the client that is to be closed at the end; None if it is the caller's.
    """
    changes: dict[str, Any] = {}
    client: Any = None
    if getattr(options, "retry_options", None) is None:
        from google.genai.types import HttpRetryOptions

        changes["retry_options"] = HttpRetryOptions(**_RETRIES)
    if not any(getattr(options, name, None) for name in _OF_A_CLIENT):
        import httpx  # comes with google-genai

        context = tls_context("httpx")
        client = httpx.AsyncClient(
            follow_redirects=True,
            timeout=None,
            limits=httpx.Limits(keepalive_expiry=None),
            verify=context,
        )
        changes["httpx_async_client"] = client
        # Or the library reads the certificates anew, for clients that are never used.
        changes["async_client_args"] = {"verify": context}
        if not getattr(options, "client_args", None):
            changes["client_args"] = {"verify": context}
    return options.model_copy(update=changes), client
