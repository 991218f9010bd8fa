"""The clocks of tasks."""
