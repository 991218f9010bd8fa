"""URLs in a conversation become bytes, once."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pipecat_rs.utils.file_resolver import FileResolver, FileResolverError
from pipecat_rs.utils.file_storage import FileStorage, LocalFileStorage
from pipecat_rs.utils.security.ssrf import UrlReachability

pytest.importorskip("aiohttp")

HERE = ["127.0.0.0/8"]


@contextlib.asynccontextmanager
async def server(*answers: bytes) -> AsyncIterator[tuple[str, list[str]]]:
    """Gives the n-th request the n-th answer, as raw HTTP; the last one again and again."""
    requests: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        requests.append(request.split(b"\r\n")[0].decode())
        writer.write(answers[min(len(requests), len(answers)) - 1])
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield f"http://127.0.0.1:{port}/file", requests


def ok(body: bytes, *headers: str) -> bytes:
    head = "\r\n".join(["HTTP/1.1 200 OK", "Connection: close", *headers, "", ""])
    return head.encode() + body


async def test_a_file_is_fetched_once():
    resolver = FileResolver(allowed_url_networks=HERE)
    async with server(ok(b"contents", "Content-Length: 8")) as (url, requests):
        assert resolver.cached_bytes(url) is None
        assert await resolver.fetch(url) == b"contents" == await resolver.fetch(url)
        assert resolver.cached_bytes(url) == b"contents" and len(requests) == 1
        assert resolver.cached_reachability(url) is UrlReachability.ALLOWED
        resolver.forget(url)
        assert resolver.cached_bytes(url) is None and resolver.cached_reachability(url) is None
        await resolver.fetch(url)
        assert len(requests) == 2


async def test_networks_that_are_not_allowed_are_not_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PIPECAT_ALLOWED_FILE_URL_NETWORKS", raising=False)
    async with server(ok(b"secret")) as (url, requests):
        with pytest.raises(FileResolverError, match="not on the public internet"):
            await FileResolver().fetch(url)
        assert not requests
        monkeypatch.setenv("PIPECAT_ALLOWED_FILE_URL_NETWORKS", "127.0.0.0/8")
        assert await FileResolver().fetch(url) == b"secret"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://8.8.8.8/\r\nConnection: close\r\n\r\n",
            "redirect",
        ),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
        (ok(b"", "Content-Length: 11"), "larger than 10 bytes"),
        (ok(b"x" * 11), "larger than 10 bytes"),
        (b"nonsense\r\n\r\n", "cannot be fetched"),
    ],
)
async def test_what_is_not_to_be_had_is_told(answer: bytes, says: str):
    resolver = FileResolver(allowed_url_networks=HERE, max_fetch_bytes=10)
    async with server(answer) as (url, requests):
        with pytest.raises(FileResolverError, match=says):
            await resolver.fetch(url)
        assert len(requests) == 1 and resolver.cached_bytes(url) is None


async def test_a_server_that_does_not_answer_is_given_up():
    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)  # until the client hangs up
        writer.close()
        hung_up.set()

    hung_up = asyncio.Event()
    resolver = FileResolver(allowed_url_networks=HERE, fetch_timeout_secs=0.05)
    async with await asyncio.start_server(stay_silent, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        with pytest.raises(FileResolverError, match=r"longer than 0\.05 s"):
            await resolver.fetch(f"http://127.0.0.1:{port}/")
        await asyncio.wait_for(hung_up.wait(), 5)


async def test_data_urls_carry_their_bytes():
    resolver = FileResolver()
    url = "data:text/plain;base64," + base64.b64encode(b"hello").decode()
    assert await resolver.fetch(url) == b"hello"
    assert await resolver.ensure_data_url(url, "image/png") == url == resolver.cached_data_url(url)
    for malformed in ("data:text/plain;base64,a", "data:text/plain,hello"):
        with pytest.raises(FileResolverError, match="data URL"):
            await resolver.fetch(malformed)


async def test_an_upload_lives_on_here_when_its_storage_deletes_it(tmp_path: Path):
    storage = LocalFileStorage(str(tmp_path))
    resolver = FileResolver(file_storage=storage)
    url = await storage.save("a.txt", b"hello")
    encoded = "data:text/plain;base64," + base64.b64encode(b"hello").decode()
    assert resolver.file_storage is storage and resolver.cached_data_url(url) is None
    assert await resolver.ensure_data_url(url, "text/plain") == encoded
    assert not list(tmp_path.iterdir())
    assert await resolver.fetch(url) == b"hello"
    assert resolver.cached_data_url(url) == encoded
    resolver.forget(url)
    with pytest.raises(FileResolverError, match="no file"):
        await resolver.fetch(url)


class Shared(FileStorage):
    """Holds what belongs to others."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def save(self, filename: str, contents: bytes) -> str:
        raise NotImplementedError

    async def load(self, file_url: str) -> bytes:
        return file_url.encode()

    async def delete(self, file_url: str) -> None:
        self.deleted.append(file_url)


async def test_a_storage_of_another_kind_reads_its_own_urls():
    storage = Shared()
    assert await FileResolver(file_storage=storage).fetch("gs://bucket/a") == b"gs://bucket/a"
    assert not storage.deleted


async def test_other_urls_need_a_storage():
    with pytest.raises(FileResolverError, match="file_storage"):
        await FileResolver().fetch("pipecat:" + "0" * 32)


def test_a_network_must_be_one():
    with pytest.raises(ValueError, match="nonsense"):
        FileResolver(allowed_url_networks=["nonsense"])
