"""What a client names is fetched only from where the server may read."""

import ipaddress

import pytest
from pipecat_rs.utils.security.ssrf import (
    UrlReachability,
    classify_url_reachability,
    default_allowed_file_url_networks,
)

HOME = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("url", "reachability"),
    [
        ("https://8.8.8.8/x.png", "public"),
        ("https://[2606:4700::1111]/", "public"),
        ("http://10.1.2.3:8000/x", "allowed"),
        ("http://[fd00::1]/x", "allowed"),
        ("http://192.168.0.1/", "blocked"),
        ("http://127.0.0.1/", "blocked"),
        ("http://169.254.169.254/latest/meta-data", "blocked"),
        ("http://[::1]/", "blocked"),
        ("http://[::ffff:127.0.0.1]/", "blocked"),
        ("http:///nowhere", "blocked"),
        ("no url", "blocked"),
        ("http://[not-an-address/", "blocked"),
        (f"http://{'a' * 70}.example/", "blocked"),
        ("http://no-such-host.invalid/", "blocked"),
    ],
)
async def test_a_url_counts_by_its_address(url: str, reachability: str):
    assert await classify_url_reachability(url, HOME) == reachability


async def test_without_networks_only_the_public_internet_is_allowed():
    assert await classify_url_reachability("http://10.1.2.3/") is UrlReachability.BLOCKED


@pytest.mark.parametrize(
    ("addresses", "reachability"),
    [
        (["8.8.8.8", "1.1.1.1"], UrlReachability.PUBLIC),
        (["8.8.8.8", "10.0.0.1"], UrlReachability.ALLOWED),
        (["10.0.0.1", "127.0.0.1"], UrlReachability.BLOCKED),
        ([], UrlReachability.BLOCKED),
    ],
)
async def test_a_host_counts_by_the_worst_of_its_addresses(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], reachability: UrlReachability
):
    import asyncio

    async def found(host: str, port: object) -> list[tuple]:
        assert host == "files.example"
        return [(None, None, None, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    assert await classify_url_reachability("https://files.example/a", HOME) is reachability


def test_networks_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PIPECAT_ALLOWED_FILE_URL_NETWORKS", raising=False)
    assert default_allowed_file_url_networks() == []
    monkeypatch.setenv("PIPECAT_ALLOWED_FILE_URL_NETWORKS", "10.0.0.0/8 ,,192.168.0.0/16")
    assert default_allowed_file_url_networks() == ["10.0.0.0/8", "192.168.0.0/16"]
