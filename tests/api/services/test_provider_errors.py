"""Why a provider's client library has failed (rules 58 and 60)."""

from types import SimpleNamespace
from typing import Any

import pytest
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.services.provider_errors import category_of, is_timeout, remedy_of
from pipecat_rs.utils.errors import ErrorCategory


def failure(kind: str, base: type[Exception] = Exception, **attributes: Any) -> Exception:
    error = type(kind, (base,), {})("failed")
    error.__dict__.update(attributes)
    return error


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (failure("APIConnectionError"), "connectivity"),
        (failure("APITimeoutError"), "connectivity"),
        (TimeoutError(), "connectivity"),
        (ConnectionResetError(), "connectivity"),
        (failure("JSONDecodeError", ValueError), "server"),
        (failure("RateLimitError", status_code=429), "rate_limit"),
        (
            failure("RateLimitError", status_code=429, body={"code": "insufficient_quota"}),
            "quota",
        ),
        (
            failure("APIStatusError", status_code=200, body={"error": {"type": "api_error"}}),
            "server",
        ),
        (failure("ClientError", code=404, status="NOT_FOUND"), "invalid_request"),
        (failure("ClientError", code=429, response=SimpleNamespace(status=429)), "rate_limit"),
        (
            failure(
                "ClientError",
                code=400,
                status="INVALID_ARGUMENT",
                details={"error": {"details": [{"reason": "API_KEY_INVALID"}]}},
            ),
            "authentication",
        ),
        (ValueError("no setting"), "unknown"),
    ],
)
def test_why(error, category):
    assert category_of(error) is ErrorCategory(category)


def test_time_outs_of_all_libraries():
    assert is_timeout(TimeoutError())
    assert is_timeout(failure("ReadTimeout", type("TimeoutException", (Exception,), {})))
    assert not is_timeout(failure("ConnectError"))


def test_there_is_a_remedy_for_what_the_user_can_mend():
    assert "api_key" in (remedy_of(ErrorCategory.AUTHENTICATION) or "")
    assert remedy_of(ErrorCategory.UNKNOWN) is None


@pytest.mark.parametrize(
    ("service", "package", "extra"),
    [
        ("openai.OpenAILLMService", "openai", "openai"),
        ("openai.OpenAITTSService", "openai", "openai"),
        ("anthropic.AnthropicLLMService", "anthropic", "anthropic"),
        ("google.GoogleLLMService", "google.genai", "google"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_its_extra(
    service, package, extra, monkeypatch
):
    import importlib
    import sys

    module, _, name = service.partition(".")
    made = getattr(importlib.import_module(f"pipecat_rs.services.{module}"), name)
    for loaded in [each for each in sys.modules if each == package]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    if package == "google.genai" and "google" in sys.modules:
        monkeypatch.delattr(sys.modules["google"], "genai", raising=False)
    with pytest.raises(MissingDependencyError, match=rf"{name}.*{package}") as raised:
        made(api_key="key")
    assert f"pipecat-rs[{extra}]" in str(raised.value)
