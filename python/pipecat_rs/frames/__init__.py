"""Frames: the units of data and control that travel through a pipeline."""
