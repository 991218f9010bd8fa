"""What programs observe under pipecat-ai, and under pipecat_rs.

Each scenario is a program for pipecat, run once under either package; what it observes must be the
same. Where the two are meant to differ, the scenario says in what and why, and that part must
differ.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from parity.environment import HERE, ours_python, output_of, pipecat_python

pytestmark = pytest.mark.timeout(900)  # the environment is made on first use

PROGRAM = HERE / "scenarios" / "run.py"


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, Any], dict[str, Any]]:
    """All scenarios, run under theirs and ours side by side."""
    with ThreadPoolExecutor() as pool:
        theirs = pool.submit(output_of, pipecat_python(), PROGRAM, "pipecat")
        ours = pool.submit(output_of, ours_python(), PROGRAM, "pipecat_rs")
        return theirs.result(), ours.result()


def test_each_scenario_observes_the_same(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    theirs, ours = both
    found = {
        name: difference
        for name, described in theirs["scenarios"].items()
        if (difference := difference_of(name, described, theirs, ours))
    }

    assert not found, "\n".join(f"{name}: {text}" for name, text in found.items())


def test_figures(
    both: tuple[dict[str, Any], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    described = both[0]["scenarios"]
    differ = sum(bool(scenario["differs"]) for scenario in described.values())

    with capsys.disabled():
        print(f"\nscenarios: {len(described)}, {differ} of them differ in part as listed")
    assert both[1]["scenarios"] == described, "both run the same"
    assert len(described) >= 200


def difference_of(
    name: str, described: dict[str, Any], theirs: dict[str, Any], ours: dict[str, Any]
) -> str | None:
    """In what a scenario differs though it should not, or not though it should."""
    there, here = theirs["observed"][name], ours["observed"][name]
    for package, observed in (("pipecat", there), ("pipecat_rs", here)):
        if "failed" in observed:
            return f"fails under {package}: {observed['failed']}"
    for part, reason in described["differs"].items():
        if there.get(part) == here.get(part):
            return f"{part} is listed as different, and is not: {reason}"
    parts = set(there) if described["more"] else set(there) | set(here)
    unlike = sorted(
        part
        for part in parts - set(described["differs"])
        if not same(there.get(part), here.get(part), described["more"])
    )
    if unlike:
        return "; ".join(
            f"{part}: {there.get(part)} there, {here.get(part)} here" for part in unlike
        )
    return None


def same(there: Any, here: Any, more: bool) -> bool:
    """Whether two observations are the same; ours may have more, if that is allowed."""
    if more and isinstance(there, dict) and isinstance(here, dict):
        return all(key in here and there[key] == here[key] for key in there)
    return bool(there == here)
