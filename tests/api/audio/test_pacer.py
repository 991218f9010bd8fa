"""The pacer and its histogram: an absolute schedule that lateness does not shift."""

import pytest
from pipecat_rs.audio.lateness import LatenessHistogram
from pipecat_rs.audio.pacer import Pacer

CHUNK = 0.04


def test_chunks_that_are_there_follow_each_other_without_a_gap():
    pacer = Pacer()
    dues = []
    for _ in range(3):
        due = pacer.due(ready=1.0)
        pacer.wrote(due, CHUNK, now=due)
        dues.append(due)
    assert dues == pytest.approx([1.0, 1.04, 1.08])
    assert pacer.free_at == pytest.approx(1.12)


def test_a_late_write_delays_no_other_chunk():
    pacer = Pacer()
    pacer.wrote(pacer.due(ready=0.0), CHUNK, now=0.5)
    assert pacer.due(ready=0.0) == pytest.approx(0.04)


def test_after_a_pause_the_schedule_starts_anew():
    pacer = Pacer()
    pacer.wrote(pacer.due(ready=0.0), CHUNK, now=0.0)
    assert pacer.due(ready=3.0) == 3.0


def test_a_chunk_that_was_dropped_leaves_no_hole():
    pacer = Pacer()
    pacer.wrote(pacer.due(ready=0.0), CHUNK, now=0.0)
    dropped = pacer.due(ready=0.0)
    assert pacer.due(ready=0.0) == dropped


def test_lateness_is_counted_for_each_chunk():
    pacer = Pacer()
    for now in (0.0, 0.05, 0.08):
        pacer.wrote(pacer.due(ready=0.0), CHUNK, now)
    assert pacer.lateness.count == 3
    assert pacer.lateness.max == pytest.approx(0.01)


def test_percentiles_lie_within_a_bucket_of_the_truth():
    histogram = LatenessHistogram()
    for milliseconds in range(1, 1001):
        histogram.record(milliseconds / 1e3)
    assert histogram.percentile(50) == pytest.approx(0.5, rel=0.2)
    assert histogram.percentile(99) == pytest.approx(0.99, rel=0.2)
    assert histogram.percentile(100) == histogram.max == 1.0
    assert histogram.mean == pytest.approx(0.5005)


def test_an_empty_histogram_answers_with_zeros():
    assert LatenessHistogram().as_dict() == {
        "count": 0,
        "mean_ms": 0.0,
        "p50_ms": 0.0,
        "p99_ms": 0.0,
        "p99_9_ms": 0.0,
        "max_ms": 0.0,
    }


def test_early_counts_as_on_time_and_a_day_late_still_fits():
    histogram = LatenessHistogram()
    histogram.record(-1.0)
    histogram.record(86_400.0)
    assert histogram.percentile(50) <= 1e-5
    assert histogram.percentile(100) > 20.0


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_percentile_outside_0_to_100_is_refused(percent):
    with pytest.raises(ValueError, match="between 0 and 100"):
        LatenessHistogram().percentile(percent)
