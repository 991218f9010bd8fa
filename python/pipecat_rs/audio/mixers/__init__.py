"""Sound that an output transport plays behind the voice."""
