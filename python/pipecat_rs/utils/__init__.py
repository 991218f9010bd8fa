"""What several parts of the package lean on: objects with events, tasks, text, time."""
