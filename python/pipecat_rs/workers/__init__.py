"""Runners of tasks, under the names of pipecat 1.3 and later."""
