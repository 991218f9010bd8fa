"""Measuring what processors do."""
