"""Methods of an object that several owners use."""

import asyncio

import pytest
from pipecat_rs.utils.shared import acquires, releases


class Client:
    """Keeps what was done with it; joining waits until it is let."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.entered = asyncio.Event()
        self.go = asyncio.Event()
        self.error: Exception | None = None

    @acquires("setup")
    async def setup(self, name: str) -> str:
        """Make it ready."""
        self.done.append(f"setup {name}")
        if self.error:
            raise self.error
        return name

    @releases("setup")
    async def cleanup(self, name: str) -> str:
        self.done.append(f"cleanup {name}")
        if self.error:
            raise self.error
        return name

    @acquires("room")
    async def join(self) -> bool:
        self.done.append("join")
        self.entered.set()
        await self.go.wait()
        return True

    @releases("room")
    async def leave(self) -> bool:
        self.done.append("leave")
        return True


async def test_the_first_comes_and_the_last_goes():
    client = Client()
    assert await client.setup("a") == "a"
    assert await client.setup("b") is None
    assert await client.cleanup("a") is None
    assert await client.cleanup("b") == "b"
    assert await client.cleanup("c") is None
    assert client.done == ["setup a", "cleanup b"]

    assert await client.setup("d") == "d"


async def test_others_wait_until_it_is_ready():
    client = Client()
    first = asyncio.create_task(client.join())
    await client.entered.wait()
    second = asyncio.create_task(client.join())
    early = asyncio.create_task(client.leave())
    await asyncio.wait([second, early], timeout=0)
    assert not second.done() and not early.done()

    client.go.set()
    assert await first is True
    assert await second is None
    assert await early is None
    assert await client.leave() is True
    assert client.done == ["join", "leave"]


async def test_names_and_objects_are_counted_apart():
    client, other = Client(), Client()
    client.go.set()
    await client.setup("a")
    await other.setup("b")
    await client.join()
    assert await client.leave() is True
    assert await other.cleanup("b") == "b"
    assert await client.cleanup("a") == "a"


async def test_a_failure_is_everybodys():
    client = Client()
    client.error = ValueError("no network")
    for name in ("a", "b"):
        with pytest.raises(ValueError, match="no network"):
            await client.setup(name)
    assert await client.cleanup("a") is None
    assert client.done == ["setup a"]


async def test_releasing_that_fails_has_released():
    client = Client()
    await client.setup("a")
    client.error = ValueError("broken")
    with pytest.raises(ValueError, match="broken"):
        await client.cleanup("a")
    assert await client.cleanup("a") is None


async def test_after_a_cancellation_the_next_owner_makes_it_ready():
    client = Client()
    first = asyncio.create_task(client.join())
    await client.entered.wait()
    second = asyncio.create_task(client.join())
    first.cancel()
    client.go.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second is True
    assert await client.leave() is True
    assert client.done == ["join", "join", "leave"]


def test_methods_keep_their_names():
    assert Client.setup.__name__ == "setup"
    assert Client.setup.__doc__ == "Make it ready."
