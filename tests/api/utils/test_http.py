"""httpx and httpx2 are used if they are there."""

import subprocess
import sys
from types import ModuleType

import pytest
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.utils import http


def library(monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    """A stand-in with what is used of either library."""
    made = ModuleType(name)
    made.Limits = lambda **limits: (name, limits)  # type: ignore[attr-defined]
    made.TimeoutException = type("TimeoutException", (Exception,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, made)
    return made


@pytest.fixture(autouse=True)
def neither(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("httpx", "httpx2"):
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]
    monkeypatch.setitem(vars(http), "TIMEOUT_EXCEPTIONS", None)
    monkeypatch.delitem(vars(http), "TIMEOUT_EXCEPTIONS")


def test_limits_are_those_of_the_library_that_is_installed(monkeypatch: pytest.MonkeyPatch):
    library(monkeypatch, "httpx2")
    assert http.connection_limits(max_connections=3) == ("httpx2", {"max_connections": 3})
    library(monkeypatch, "httpx")
    assert http.connection_limits()[0] == "httpx"


def test_without_either_library_there_are_no_limits():
    with pytest.raises(MissingDependencyError, match="httpx"):
        http.connection_limits()


def test_timeouts_of_both_libraries_are_caught(monkeypatch: pytest.MonkeyPatch):
    assert http.TIMEOUT_EXCEPTIONS == ()
    vars(http).pop("TIMEOUT_EXCEPTIONS")
    one, other = library(monkeypatch, "httpx"), library(monkeypatch, "httpx2")
    assert (one.TimeoutException, other.TimeoutException) == http.TIMEOUT_EXCEPTIONS


def test_importing_it_imports_neither():
    code = "import sys, pipecat_rs.utils.http; print({'httpx', 'httpx2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
