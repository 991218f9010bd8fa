"""Pipelines of frame processors, and the tasks that run them."""
