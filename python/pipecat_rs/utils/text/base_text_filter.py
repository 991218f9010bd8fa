"""What changes text before it is spoken."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class BaseTextFilter(ABC):
    """Takes text and returns what is to be spoken in its place."""

    async def update_settings(self, settings: Mapping[str, Any]) -> None:  # noqa: B027 - optional
        """Change settings.

        Args:
            settings: Names and values.
        """

    @abstractmethod
    async def filter(self, text: str) -> str:
        """Return the text to speak.

        Args:
            text: The text as it was written.
        """

    async def handle_interruption(self) -> None:  # noqa: B027 - optional
        """Forget what an interrupted text has left behind."""

    async def reset_interruption(self) -> None:  # noqa: B027 - optional
        """Go on after an interruption."""
