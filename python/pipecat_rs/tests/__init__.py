"""Helpers for testing processors (`pipecat_rs.tests.utils`)."""
