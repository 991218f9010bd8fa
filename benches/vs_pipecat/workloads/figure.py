"""What a workload hands back, and how much of it to run."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scale:
    """How long to measure.

    Parameters:
        frames: Frames in one batch of a bulk workload.
        batch_secs: CPU seconds to spend on batches of one configuration, in each process.
        least_batches: Batches to run however long they take.
        single: Frames sent one at a time.
        interruptions: Interruptions sent.
        sessions: Idle sessions held at once.
        events: Events that a media thread hands over, one each 20 ms.
        call_secs: Seconds for which calls are measured.
        most_calls: Calls of the echo at most.
        silences: Seconds of interruptions, of which there are 1.5 in a second.
    """

    frames: int = 1000
    batch_secs: float = 0.4
    least_batches: int = 3
    single: int = 1500
    interruptions: int = 60
    sessions: int = 500
    events: int = 200
    call_secs: float = 20.0
    most_calls: int = 1000
    silences: float = 80.0


QUICK = Scale(
    batch_secs=0.1,
    least_batches=2,
    single=500,
    interruptions=25,
    events=100,
    call_secs=10.0,
    most_calls=1000,
    silences=40.0,
)


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Parameters:
        name: Dotted name, the same for both packages.
        unit: "us", "ms", "KB", "%" or "" (a count).
        value: The number this process arrived at.
        over_rounds: How rounds are put together: "min", "median" or "max".
        note: Said instead of a value when the workload could not run.
        detail: What a picture is drawn of: points of a curve, bins of a histogram.
    """

    name: str
    unit: str
    value: float | None
    over_rounds: str = "min"
    note: str = ""
    detail: Any = None


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest-rank percentile of some values.

    Args:
        values: The values, in any order; at least one.
        share: Between 0 and 1.

    Returns:
        The smallest value that at least this share of all values does not exceed.
    """
    ordered: Sequence[float] = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def latencies(name: str, unit: str, values: Sequence[float]) -> list[Figure]:
    """The p50 and p99 of some latencies, as figures."""
    return [
        Figure(f"{name}.p50", unit, percentile(values, 0.50)),
        Figure(f"{name}.p99", unit, percentile(values, 0.99)),
    ]
