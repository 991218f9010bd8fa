"""Addresses that a client names and this server fetches: which of them it may.

Without this, a client could have the server read from its own network on the client's behalf
(server-side request forgery).
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import Sequence
from enum import StrEnum
from urllib.parse import urlsplit

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

ALLOWED_NETWORKS_VARIABLE = "PIPECAT_ALLOWED_FILE_URL_NETWORKS"


class UrlReachability(StrEnum):
    """Who may fetch an address.

    Attributes:
        PUBLIC: Everybody: it is on the public internet, so others can be asked to fetch it.
        ALLOWED: This server: all or part of it is in a network that the server trusts.
        BLOCKED: Nobody.
    """

    PUBLIC = "public"
    ALLOWED = "allowed"
    BLOCKED = "blocked"


def default_allowed_file_url_networks() -> list[str]:
    """Return the networks of ``PIPECAT_ALLOWED_FILE_URL_NETWORKS``, separated by commas.

    Each is in CIDR form, as ``10.0.0.0/8``. None if it is unset: then only the public internet is
    trusted.
    """
    entries = os.environ.get(ALLOWED_NETWORKS_VARIABLE, "").split(",")
    return [entry.strip() for entry in entries if entry.strip()]


async def classify_url_reachability(
    url: str, allowed_networks: Sequence[IPNetwork] = ()
) -> UrlReachability:
    """Look up a URL's host and return who may fetch it.

    A host counts by the worst of its addresses. Loopback, private and link-local ones, among these
    the metadata services of clouds, are blocked unless allowed, and so is a host that is not found.
    A name that resolves to something else once it is fetched is not noticed.

    Args:
        url: The URL.
        allowed_networks: Networks beyond the public internet that this server may read from.
    """
    try:
        host = urlsplit(url).hostname
        if not host:
            return UrlReachability.BLOCKED
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
        addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    except (OSError, ValueError):  # ValueError: no URL at all, or a host that is no name
        return UrlReachability.BLOCKED
    private = [address for address in addresses if not address.is_global]
    if addresses and not private:
        return UrlReachability.PUBLIC
    if private and all(any(a in network for network in allowed_networks) for a in private):
        return UrlReachability.ALLOWED
    return UrlReachability.BLOCKED
