"""Spans of conversations, turns and services, by OpenTelemetry where it is installed."""
