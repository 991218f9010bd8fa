"""Observers: they see every frame that moves, and move none."""
