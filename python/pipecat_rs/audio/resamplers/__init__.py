"""Sample rate conversion."""
