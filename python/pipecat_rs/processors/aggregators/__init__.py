"""Processors that gather frames into larger ones."""
