"""Processors that let some frames pass and stop others."""
