"""The public names of an installed pipecat-ai, and ours.

A program written for pipecat-ai must find each name here, as the same kind of thing, and be able
to call it in the same way. What differs stands in `differences.toml` with its reason: the test
fails for a difference that is not listed, and for one that is listed and no longer there.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from parity.compare import Comparison, compare
from parity.environment import HERE, ours_python, output_of, pipecat_python

PARTS = (
    "pipeline",
    "processors",
    "frames",
    "observers",
    "metrics",
    "clocks",
    "utils",
    "audio.dtmf",
    "audio.filters",
    "audio.mixers",
    "audio.resamplers",
    "audio.turn",
    "audio.utils",
    "audio.volume",
    "serializers",
    "runner.types",
    "runner.utils",
    "transports.base_input",
    "transports.base_output",
    "transports.base_transport",
    "transports.local",
    "transports.websocket",
)
"""What is compared."""

ASIDE = ("processors.frameworks",)
"""Parts of these that are not."""

pytestmark = pytest.mark.timeout(900)  # the environment is made on first use


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Both packages described, and compared."""
    describe = HERE / "describe.py"
    theirs = output_of(pipecat_python(), describe, "pipecat", *PARTS)
    for part in theirs.values():
        for name in [name for name in part if name.startswith(ASIDE)]:
            del part[name]
    kept = tmp_path_factory.mktemp("parity") / "theirs.json"
    kept.write_text(json.dumps(theirs))
    return compare(theirs, output_of(ours_python(), describe, "pipecat_rs", "--like", kept))


def listed() -> dict[str, str]:
    """Each difference that is meant, and why."""
    groups: list[dict[str, Any]] = tomllib.loads((HERE / "differences.toml").read_text())["group"]
    found: dict[str, str] = {}
    for group in groups:
        for difference in group["differences"]:
            assert difference not in found, f"listed twice: {difference}"
            found[difference] = group["reason"]
    return found


def test_every_difference_is_listed_with_its_reason(comparison: Comparison) -> None:
    unlisted = sorted(set(comparison.different) - set(listed()))

    assert not unlisted, "differs from pipecat-ai, and stands in no list:\n" + "\n".join(unlisted)


def test_every_listed_difference_is_there(comparison: Comparison) -> None:
    gone = sorted(set(listed()) - set(comparison.different))

    assert not gone, "listed, and no difference any more:\n" + "\n".join(gone)


def test_reasons_are_given() -> None:
    assert all(len(reason) > 20 for reason in listed().values())


def test_figures(comparison: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    figures = comparison.figures()

    with capsys.disabled():
        print(f"\npipecat-ai's public names: {figures}")
    assert figures.names > 400, "fewer names than there were: is something not looked at?"
    assert figures.members > 500


def test_what_is_compared_is_all_there(tmp_path: Path) -> None:
    """The comparison itself: it must see what differs."""
    theirs = {
        "modules": {
            "one": {
                "f": _function([["a", "POSITIONAL_OR_KEYWORD", None]]),
                "g": _function([["a", "POSITIONAL_OR_KEYWORD", "1"]], is_async=True),
                "gone": _function([]),
                "VALUE": {"kind": "value", "value": "1"},
            },
            "two": {},
        },
        "failed": {"three": "ImportError: no such package"},
    }
    ours = {
        "modules": {
            "one": {
                "f": _function([["b", "POSITIONAL_OR_KEYWORD", None]]),
                "g": _function([["a", "KEYWORD_ONLY", "2"]]),
                "VALUE": {"kind": "value", "value": "2"},
            }
        }
    }

    assert set(compare(theirs, ours).different) == {
        "one.VALUE: 1 there, 2 here",
        "one.f: b must be given, and is unknown there",
        "one.f: takes no a",
        "one.g: a is 1 by default there, 2 here",
        "one.g: a only by name",
        "one.g: async there, not here",
        "one.gone: missing",
        "three: not compared, as it cannot be imported without a further package",
        "two: no such module",
    }


def _function(parameters: list[Any], is_async: bool = False) -> dict[str, Any]:
    return {"kind": "function", "async": is_async, "parameters": parameters}
