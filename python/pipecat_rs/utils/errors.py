"""Why an operation failed, found out from its exception."""

from __future__ import annotations

import socket

from pipecat_rs.frames.error import ErrorCategory

__all__ = [
    "ErrorCategory",
    "classify_http_exception",
    "classify_http_status_code",
    "extract_http_status_code",
]

_BY_STATUS = {
    400: ErrorCategory.INVALID_REQUEST,
    401: ErrorCategory.AUTHENTICATION,
    402: ErrorCategory.QUOTA,
    403: ErrorCategory.AUTHORIZATION,
    404: ErrorCategory.INVALID_REQUEST,
    422: ErrorCategory.INVALID_REQUEST,
    429: ErrorCategory.RATE_LIMIT,
}


def classify_http_status_code(status_code: int) -> ErrorCategory:
    """Return what an HTTP status says for every provider, or `ErrorCategory.UNKNOWN`."""
    if 500 <= status_code < 600:
        return ErrorCategory.SERVER
    return _BY_STATUS.get(status_code, ErrorCategory.UNKNOWN)


def extract_http_status_code(exception: BaseException) -> int | None:
    """Return the HTTP status that an exception carries, or None.

    It is looked for where the usual libraries put it: as ``status_code`` (httpx, websockets) or
    ``status`` (aiohttp) on the exception's ``response``, or on the exception itself.
    """
    for holder in (getattr(exception, "response", None), exception):
        for attribute in ("status_code", "status"):
            status = getattr(holder, attribute, None)
            if isinstance(status, int) and not isinstance(status, bool):
                return status
    return None


def classify_http_exception(exception: BaseException) -> ErrorCategory:
    """Return why an operation failed, as far as its exception tells.

    An HTTP status decides; without one, connection and time-out errors are known by their types.
    """
    status = extract_http_status_code(exception)
    if status is not None:
        return classify_http_status_code(status)
    if isinstance(exception, (ConnectionError, TimeoutError, socket.gaierror)):
        return ErrorCategory.CONNECTIVITY
    return ErrorCategory.UNKNOWN
