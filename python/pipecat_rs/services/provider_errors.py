"""Why a provider's client library has failed.

The libraries' classes are known by their names, so that nothing here imports one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipecat_rs.utils.errors import (
    ErrorCategory,
    classify_http_exception,
    classify_http_status_code,
    extract_http_status_code,
)

_TIMEOUTS = {"APITimeoutError", "DeadlineExceeded", "TimeoutError", "TimeoutException"}
_UNREACHED = {
    "APIConnectionError",  # of the libraries of OpenAI and Anthropic
    "ClientConnectionError",  # of aiohttp
    "ClientPayloadError",
    "TransportError",  # of httpx
}
_GARBLED = {
    "APIResponseValidationError",  # of OpenAI and Anthropic
    "JSONDecodeError",
    "UnknownApiResponseError",  # of Google
}

# What the providers' own codes say better than the HTTP status that comes with them, if one does:
# an error in the middle of a stream has the status 200.
_BY_CODE = {
    # Google
    "API_KEY_INVALID": ErrorCategory.AUTHENTICATION,
    "UNAUTHENTICATED": ErrorCategory.AUTHENTICATION,
    "PERMISSION_DENIED": ErrorCategory.AUTHORIZATION,
    "RESOURCE_EXHAUSTED": ErrorCategory.RATE_LIMIT,
    "UNAVAILABLE": ErrorCategory.SERVER,
    "INTERNAL": ErrorCategory.SERVER,
    # OpenAI
    "insufficient_quota": ErrorCategory.QUOTA,
    "invalid_api_key": ErrorCategory.AUTHENTICATION,
    "rate_limit_exceeded": ErrorCategory.RATE_LIMIT,
    "server_error": ErrorCategory.SERVER,
    # Anthropic
    "authentication_error": ErrorCategory.AUTHENTICATION,
    "billing_error": ErrorCategory.QUOTA,
    "permission_error": ErrorCategory.AUTHORIZATION,
    "rate_limit_error": ErrorCategory.RATE_LIMIT,
    "overloaded_error": ErrorCategory.SERVER,
    "api_error": ErrorCategory.SERVER,
    "timeout_error": ErrorCategory.SERVER,
}

_REMEDIES = {
    ErrorCategory.AUTHENTICATION: "check the api_key",
    ErrorCategory.AUTHORIZATION: "the account may not do this; check its permissions",
    ErrorCategory.INVALID_REQUEST: "check the model, the settings and the messages",
    ErrorCategory.RATE_LIMIT: "too many requests at once; wait, or raise the account's limit",
    ErrorCategory.QUOTA: "the account's allowance is used up; check plan and billing",
    ErrorCategory.CONNECTIVITY: "check the network and the base_url",
    ErrorCategory.SERVER: "the provider is in trouble; try again later",
}


def is_timeout(error: BaseException) -> bool:
    """Return whether an error says that something took too long.

    Args:
        error: The error.
    """
    return _is_any_of(error, _TIMEOUTS)


def category_of(error: BaseException) -> ErrorCategory:
    """Return why a provider's client library has failed.

    Args:
        error: What it has raised.
    """
    for code in _codes_of(error):
        if code in _BY_CODE:
            return _BY_CODE[code]
    status = extract_http_status_code(error) or getattr(error, "code", None)
    if isinstance(status, int) and status >= 400:
        return classify_http_status_code(status)
    if _is_any_of(error, _TIMEOUTS | _UNREACHED):
        return ErrorCategory.CONNECTIVITY
    if _is_any_of(error, _GARBLED):
        return ErrorCategory.SERVER
    return classify_http_exception(error)


def remedy_of(category: ErrorCategory) -> str | None:
    """Return what can be done about an error, or None if nothing is known.

    Args:
        category: Why it happened.
    """
    return _REMEDIES.get(category)


def _is_any_of(error: BaseException, names: set[str]) -> bool:
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _codes_of(error: BaseException) -> Iterator[str]:
    """Yield what an error and the answer behind it call themselves, the most exact name first."""
    answers = [_error_in(getattr(error, name, None)) for name in ("details", "body")]
    for answer in answers:
        for detail in answer.get("details") or ():
            if isinstance(detail, Mapping) and isinstance(detail.get("reason"), str):
                yield detail["reason"]
    for holder in (vars(error), *answers):
        for name in ("code", "type", "status"):
            if isinstance(holder.get(name), str):
                yield holder[name]


def _error_in(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        return {}
    inner = answer.get("error")
    return inner if isinstance(inner, Mapping) else answer
