"""Transports that need no network: files."""
