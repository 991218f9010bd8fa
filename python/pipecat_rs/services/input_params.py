"""Parameters of a model as pipecat took them before there were settings."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


def limited(default: Any = None, *, least: float, most: float | None = None) -> Any:
    """Return a field of a number within bounds.

    Args:
        default: Its default.
        least: The least it may be.
        most: The most it may be, or None for no bound.
    """
    return field(default=default, metadata={"least": least, "most": most})


@dataclass(kw_only=True)
class InputParams:
    """Parameters of a model; None leaves one to the provider.

    Attributes:
        extra: Values of the provider's own, by name.

    Raises:
        ValueError: If a number is out of bounds.
    """

    extra: dict[str, Any] | None = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in fields(self):
            value, least, most = (
                getattr(self, each.name),
                each.metadata.get("least"),
                each.metadata.get("most"),
            )
            if value is None or least is None:
                continue
            if value < least or (most is not None and value > most):
                allowed = f"{least} to {most}" if most is not None else f"at least {least}"
                raise ValueError(f"{type(self).__name__}: {each.name} is {value!r}, not {allowed}")

    def given_to(self, settings: Any) -> None:
        """Write the parameters that have a value to settings.

        Args:
            settings: The settings of the service.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and hasattr(settings, each.name):
                setattr(settings, each.name, value)
