"""The helpers that pipecat keeps under `pipecat.tests.utils`; they live in `pipecat_rs.testing`."""

from pipecat_rs.testing import HeartbeatsObserver, QueuedFrameProcessor, SleepFrame, run_test

__all__ = ["HeartbeatsObserver", "QueuedFrameProcessor", "SleepFrame", "run_test"]
