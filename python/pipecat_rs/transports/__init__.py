"""Transports: where media enters and leaves a pipeline."""
