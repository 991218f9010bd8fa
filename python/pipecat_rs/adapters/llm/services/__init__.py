"""Adapters, one file for each provider."""
