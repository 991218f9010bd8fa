"""Why an operation failed (rules 58 and 60), and exceptions with a remedy."""

import pickle
import socket
from types import SimpleNamespace

import pytest
from pipecat_rs.exceptions import (
    MissingDependencyError,
    PipecatError,
    PipelineError,
    ProcessorInUseError,
    ProcessorTimeoutError,
)
from pipecat_rs.utils.errors import (
    ErrorCategory,
    classify_http_exception,
    classify_http_status_code,
    extract_http_status_code,
)


class Failure(Exception):
    def __init__(self, **attributes: object) -> None:
        super().__init__("failed")
        self.__dict__.update(attributes)


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (400, ErrorCategory.INVALID_REQUEST),
        (401, ErrorCategory.AUTHENTICATION),
        (402, ErrorCategory.QUOTA),
        (403, ErrorCategory.AUTHORIZATION),
        (404, ErrorCategory.INVALID_REQUEST),
        (422, ErrorCategory.INVALID_REQUEST),
        (429, ErrorCategory.RATE_LIMIT),
        (500, ErrorCategory.SERVER),
        (503, ErrorCategory.SERVER),
        (418, ErrorCategory.UNKNOWN),
        (302, ErrorCategory.UNKNOWN),
    ],
)
def test_http_status(status: int, category: ErrorCategory):
    assert classify_http_status_code(status) is category


@pytest.mark.parametrize(
    "error",
    [
        Failure(status_code=429),
        Failure(status=429),
        Failure(response=SimpleNamespace(status_code=429)),
        Failure(response=SimpleNamespace(status=429)),
        Failure(response=SimpleNamespace(status_code="broken"), status=429),
    ],
)
def test_the_status_is_found_in_any_of_the_usual_places(error: Exception):
    assert extract_http_status_code(error) == 429
    assert classify_http_exception(error) is ErrorCategory.RATE_LIMIT


def test_a_flag_is_no_status():
    assert extract_http_status_code(Failure(status=True)) is None


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), socket.gaierror()])
def test_connection_errors(error: Exception):
    assert classify_http_exception(error) is ErrorCategory.CONNECTIVITY


def test_anything_else_is_unknown():
    assert classify_http_exception(ValueError("x")) is ErrorCategory.UNKNOWN


def test_what_trying_again_cannot_help():
    permanent = {category for category in ErrorCategory if category.is_permanent}
    assert permanent == {
        ErrorCategory.AUTHENTICATION,
        ErrorCategory.AUTHORIZATION,
        ErrorCategory.INVALID_REQUEST,
    }


def test_exceptions_say_what_to_do():
    error = ProcessorInUseError("it is taken", processor="p", frame=None, hint="make another")
    assert isinstance(error, PipelineError)
    assert (error.processor, error.frame, error.hint) == ("p", None, "make another")
    assert str(error) == "it is taken\nhint: make another"
    assert str(PipecatError("plain")) == "plain"
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.processor) == (str(error), "p")


def test_exceptions_are_caught_as_what_they_are():
    with pytest.raises(TimeoutError, match="too slow"):
        raise ProcessorTimeoutError("too slow", processor="p", hint="wait")
    with pytest.raises(ImportError, match=r"pipecat-rs\[local\]") as caught:
        raise MissingDependencyError.of("soundfile", needed_by="Mixer#0", extra="local")
    assert caught.value.name == "soundfile"
