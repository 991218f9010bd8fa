"""Descriptions of the functions that a language model may call."""
