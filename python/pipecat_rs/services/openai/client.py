"""The client library of OpenAI."""

from __future__ import annotations

from typing import Any

from pipecat_rs.exceptions import MissingDependencyError


def require_openai(service: Any) -> Any:
    """Return the module ``openai``.

    Args:
        service: The service that needs it.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        import openai
    except ImportError as error:
        raise MissingDependencyError.of("openai", needed_by=service, extra="openai") from error
    return openai
