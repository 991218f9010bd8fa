"""Google's client library, imported ahead of the tests that use it."""

import warnings

import pytest


@pytest.fixture(scope="session")
def gemini() -> None:
    """The library is there; the warnings that come with its import are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("google.genai")
