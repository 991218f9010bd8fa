"""Which web pages may talk to a server."""

import pytest
from pipecat_rs.utils.security.allowed_origins import default_allowed_origins, is_origin_allowed


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        (None, []),
        ("", []),
        (" ,", []),
        ("https://a.example, https://b", ["https://a.example", "https://b"]),
    ],
)
def test_origins_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str | None, origins: list[str]
):
    if value is None:
        monkeypatch.delenv("PIPECAT_ALLOWED_ORIGINS", raising=False)
    else:
        monkeypatch.setenv("PIPECAT_ALLOWED_ORIGINS", value)
    assert default_allowed_origins() == origins


@pytest.mark.parametrize(
    ("origin", "allowed", "is_allowed"),
    [
        ("https://x", [], True),
        ("", [], True),
        ("HTTPS://X", ["https://x"], True),
        ("https://x", ["https://y", "HTTPS://X"], True),
        ("https://x.evil", ["https://x"], False),
        ("", ["https://x"], False),
    ],
)
def test_an_origin_is_allowed_if_it_is_listed(origin: str, allowed: list[str], is_allowed: bool):
    assert is_origin_allowed(origin, allowed) is is_allowed
