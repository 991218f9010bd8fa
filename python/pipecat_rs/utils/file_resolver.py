"""From the URL of a file in a conversation to its bytes.

A conversation names files by URL. What the language model's provider cannot fetch from there, this
server has to fetch and send along: `FileResolver` does so, once for each URL.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.utils.security.ssrf import (
    IPNetwork,
    UrlReachability,
    classify_url_reachability,
    default_allowed_file_url_networks,
)

if TYPE_CHECKING:
    import aiohttp

    from pipecat_rs.utils.file_storage import FileStorage

_MAX_FETCH_BYTES = 50 * 1024 * 1024
_FETCH_TIMEOUT_SECS = 30.0
_CHUNK_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class FileResolverError(Exception):
    """The bytes behind a URL cannot be had."""


class FileResolver:
    """Fetches files and keeps them for the session.

    ``data:`` URLs carry their bytes. ``http:`` and ``https:`` URLs are fetched if their host is on
    the public internet or in a network that is allowed; redirects are not followed, as they could
    lead anywhere. All other URLs are the storage's.

    A URL is taken to mean the same bytes for ever. One resolver belongs to one session, and to all
    the language models in it: a file that its storage deletes once it was read lives on here.
    Subclasses override `fetch` for other kinds of URL.
    """

    def __init__(
        self,
        *,
        file_storage: FileStorage | None = None,
        allowed_url_networks: Iterable[str] | None = None,
        max_fetch_bytes: int = _MAX_FETCH_BYTES,
        fetch_timeout_secs: float = _FETCH_TIMEOUT_SECS,
    ) -> None:
        """Set where files may come from.

        Args:
            file_storage: Reads the URLs that it has made up itself.
            allowed_url_networks: Networks in CIDR form, beyond the public internet, that files may
                be fetched from; None for those of ``PIPECAT_ALLOWED_FILE_URL_NETWORKS``.
            max_fetch_bytes: Size of the largest file that is fetched by HTTP, in bytes.
            fetch_timeout_secs: Longest time to fetch one, in seconds.

        Raises:
            ValueError: If a network is not in CIDR form.
        """
        if allowed_url_networks is None:
            allowed_url_networks = default_allowed_file_url_networks()
        self._file_storage = file_storage
        self._networks: list[IPNetwork] = [ipaddress.ip_network(n) for n in allowed_url_networks]
        self._max_fetch_bytes = max_fetch_bytes
        self._fetch_timeout_secs = fetch_timeout_secs
        self._bytes: dict[str, bytes] = {}
        self._data_urls: dict[str, str] = {}
        self._reachability: dict[str, UrlReachability] = {}

    @property
    def file_storage(self) -> FileStorage | None:
        """The storage, if there is one."""
        return self._file_storage

    # ---- what is there already

    def cached_bytes(self, url: str) -> bytes | None:
        """Return the bytes behind a URL if they have been fetched, else None."""
        return self._bytes.get(url)

    def cached_data_url(self, url: str) -> str | None:
        """Return a URL's bytes as a ``data:`` URL if they have been put so, else None."""
        return url if url.startswith("data:") else self._data_urls.get(url)

    def cached_reachability(self, url: str) -> UrlReachability | None:
        """Return who may fetch a URL if that has been found out, else None."""
        return self._reachability.get(url)

    def forget(self, url: str) -> None:
        """Drop what is kept of a URL, so that it is fetched anew.

        Args:
            url: The URL. If its storage has deleted the file, it is gone.
        """
        for kept in (self._bytes, self._data_urls, self._reachability):
            kept.pop(url, None)

    # ---- fetching

    async def classify(self, url: str) -> UrlReachability:
        """Return who may fetch a URL; found out once.

        Args:
            url: An ``http:`` or ``https:`` URL.
        """
        known = self._reachability.get(url)
        if known is None:
            known = await classify_url_reachability(url, self._networks)
            self._reachability[url] = known
        return known

    async def fetch(self, url: str) -> bytes:
        """Return the bytes behind a URL.

        Args:
            url: The URL.

        Raises:
            FileResolverError: If they are not to be had, too many, or not to be fetched.
            MissingDependencyError: If it takes aiohttp, and that is not installed.
        """
        known = self._bytes.get(url)
        if known is not None:
            return known
        if url.startswith("data:"):
            contents = await asyncio.to_thread(_decoded, url)
        elif url.startswith(("http://", "https://")):
            contents = await self._fetch_by_http(url)
        else:
            contents = await self._load_from_storage(url)
        self._bytes[url] = contents
        return contents

    async def ensure_data_url(self, url: str, mime_type: str) -> str:
        """Return the bytes behind a URL as a ``data:`` URL.

        Args:
            url: The URL. One that is a ``data:`` URL is returned as it is.
            mime_type: Type of the file.

        Raises:
            FileResolverError: As `fetch`.
        """
        known = self.cached_data_url(url)
        if known is None:
            contents = await self.fetch(url)
            known = await asyncio.to_thread(_encoded, contents, mime_type)
            self._data_urls[url] = known
        return known

    async def _load_from_storage(self, url: str) -> bytes:
        storage = self._file_storage
        if storage is None:
            raise FileResolverError(
                f"nothing here can resolve {url!r}: give the FileResolver a file_storage that "
                "knows such URLs, or override fetch()"
            )
        try:
            contents = await storage.load(url)
        except FileNotFoundError as error:
            raise FileResolverError(f"the storage has no file {url!r}") from error
        if storage.delete_after_load:
            await storage.delete(url)
        return contents

    async def _fetch_by_http(self, url: str) -> bytes:
        if await self.classify(url) is UrlReachability.BLOCKED:
            raise FileResolverError(f"{url!r} is not on the public internet, nor allowed")
        try:
            import aiohttp
        except ImportError as error:
            raise MissingDependencyError.of("aiohttp", needed_by=self, extra="http") from error
        timeout = aiohttp.ClientTimeout(total=self._fetch_timeout_secs)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(url, allow_redirects=False) as response,
            ):
                return await self._body_of(response, url)
        except TimeoutError as error:
            raise FileResolverError(
                f"{url!r} took longer than {self._fetch_timeout_secs} s"
            ) from error
        except aiohttp.ClientError as error:
            raise FileResolverError(f"{url!r} cannot be fetched: {error}") from error

    async def _body_of(self, response: aiohttp.ClientResponse, url: str) -> bytes:
        if response.status in _REDIRECTS:
            raise FileResolverError(f"{url!r} is a redirect, which is not followed")
        response.raise_for_status()
        body = bytearray()
        announced = response.content_length or 0
        if announced <= self._max_fetch_bytes:
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                body += chunk
                if len(body) > self._max_fetch_bytes:
                    break
        if max(announced, len(body)) > self._max_fetch_bytes:
            raise FileResolverError(f"{url!r} is larger than {self._max_fetch_bytes} bytes")
        return bytes(body)

    def __str__(self) -> str:
        return type(self).__name__


def _decoded(url: str) -> bytes:
    header, comma, payload = url.partition(",")
    if not comma or not header.endswith(";base64"):
        raise FileResolverError("a data URL without base64 cannot be read")
    try:
        return base64.b64decode(payload)
    except binascii.Error as error:
        raise FileResolverError(f"a data URL is malformed: {error}") from error


def _encoded(contents: bytes, mime_type: str) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(contents).decode('ascii')}"
