"""Ending a telephone call through its provider's REST API."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pipecat_rs.exceptions import MissingDependencyError

logger = logging.getLogger(__name__)

DEADLINE_SECS = 10.0
"""How long the provider may take to answer, in seconds. The pipeline's end waits for it."""

_LONGEST_SHOWN = 500


@dataclass(frozen=True)
class HangUp:
    """A request that ends a call.

    Attributes:
        provider: Name of the provider, for logs.
        call: The call's id, for logs.
        method: The HTTP method.
        url: Where the request goes.
        remedy: What to look at if the provider refuses.
        basic_auth: User and password, if the API takes them so.
        headers: Headers to send.
        form: Fields of a form to send.
        ended: Status codes that say that the call is over now.
        over_before: Tells from a status code and the answer's JSON that it was over already.
    """

    provider: str
    call: str
    method: str
    url: str
    remedy: str
    basic_auth: tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    ended: frozenset[int] = frozenset({200})
    over_before: Callable[[int, Any], bool] = lambda status, answer: False


def check_available(needed_by: object) -> None:
    """Make sure, without importing it, that the package is there that calls are ended with.

    Args:
        needed_by: The object that will end a call.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    if importlib.util.find_spec("aiohttp") is None:
        raise MissingDependencyError.of("aiohttp", needed_by=needed_by, extra="http")


def path_segment(identifier: str) -> str:
    """Return an id as a part of a URL's path that cannot leave its place.

    Args:
        identifier: The id; the peer may have given it.

    Raises:
        ValueError: If it is empty, or would name another resource.
    """
    if identifier in ("", ".", ".."):
        raise ValueError(f"{identifier!r} is no id of a call or an account")
    return quote(identifier, safe=":")


async def hang_up(make_request: Callable[[], HangUp]) -> None:
    """End a call. What goes wrong is logged: there is nobody left to raise it to.

    Args:
        make_request: Makes the request.
    """
    try:
        request = make_request()
    except ValueError as error:
        logger.error("a call may still be up: %s; end it at the provider", error)
        return
    try:
        status, answer, text = await _send(request)
    except asyncio.CancelledError:
        raise
    except TimeoutError:
        logger.error(
            "%s call %s may still be up: no answer from %s within %g s; end it at the provider",
            request.provider,
            request.call,
            request.url,
            DEADLINE_SECS,
        )
        return
    except Exception as error:
        logger.error(
            "%s call %s may still be up: %s cannot be reached: %s; end it at the provider",
            request.provider,
            request.call,
            request.url,
            error or type(error).__name__,
        )
        return
    if status in request.ended:
        logger.info("%s call %s is ended", request.provider, request.call)
    elif request.over_before(status, answer):
        logger.debug("%s call %s was over already", request.provider, request.call)
    else:
        logger.error(
            "%s call %s may still be up: the provider answers %s: %s; %s",
            request.provider,
            request.call,
            status,
            text[:_LONGEST_SHOWN],
            request.remedy,
        )


async def _send(request: HangUp) -> tuple[int, Any, str]:
    """Return the answer's status, its JSON if it is JSON, and its text."""
    import aiohttp

    headers = dict(request.headers)
    if request.basic_auth is not None:
        word = base64.b64encode(":".join(request.basic_auth).encode()).decode()
        headers["Authorization"] = f"Basic {word}"
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_SECS)) as session,
        session.request(
            request.method,
            request.url,
            headers=headers,
            data=request.form,
            allow_redirects=False,  # the credentials are for this host
        ) as response,
    ):
        text = await response.text(errors="replace")
        try:
            return response.status, json.loads(text), text
        except ValueError:
            return response.status, None, text
