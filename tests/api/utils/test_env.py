"""Values of environment variables."""

import copy
import pickle

import pytest
from pipecat_rs.utils.env import InvalidEnvVarValueError, env_truthy


@pytest.mark.parametrize("value", ["1", "true", "YES", " y ", "On\n"])
def test_yes(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("ASKED", value)
    assert env_truthy("ASKED") is True


@pytest.mark.parametrize("value", ["0", "False", "no", "N", "off", "", "  "])
def test_no(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("ASKED", value)
    assert env_truthy("ASKED", default=True) is False


def test_what_is_not_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ASKED", raising=False)
    assert env_truthy("ASKED") is False
    assert env_truthy("ASKED", default=True) is True


def test_neither_yes_nor_no(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASKED", " Perhaps ")
    with pytest.raises(InvalidEnvVarValueError, match=r"'ASKED' is ' Perhaps '") as caught:
        env_truthy("ASKED")
    error = caught.value
    assert isinstance(error, ValueError)
    assert (error.name, error.value, error.expected) == ("ASKED", " Perhaps ", "true or false")
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(other) == str(error)
