"""Asyncio tasks with names and owners."""
