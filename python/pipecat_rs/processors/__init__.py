"""Frame processors."""
