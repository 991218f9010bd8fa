"""Observers that write what they see to the log, at level DEBUG."""
