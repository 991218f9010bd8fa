"""Languages of speech and text."""
