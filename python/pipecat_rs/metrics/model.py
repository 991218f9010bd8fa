"""Data that is reported: dataclasses with the part of pydantic's interface that readers use.

pipecat's reports are pydantic models. Importing pydantic would cost more than half of the time
that importing this whole package may take, for data which the package itself builds and which
needs no validation.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self


class Model:
    """The part of pydantic's model interface that these classes and the reports offer."""

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """Return the fields as a dictionary, nested models as dictionaries too.

        Args:
            exclude_none: Whether fields which are None are left out.
        """
        values = dataclasses.asdict(self)  # type: ignore[call-overload]
        return _without_none(values) if exclude_none else values

    def model_dump_json(self, *, exclude_none: bool = False) -> str:
        """Return the fields as JSON.

        Args:
            exclude_none: Whether fields which are None are left out.
        """
        import json  # costs as much as this whole module, and few dump

        return json.dumps(
            self.model_dump(exclude_none=exclude_none),
            ensure_ascii=False,
            separators=(",", ":"),
            default=str,
        )

    def model_copy(self, *, update: dict[str, Any] | None = None) -> Self:
        """Return a copy, with some fields changed.

        Args:
            update: The fields that change.
        """
        duplicate = copy.copy(self)
        for name, value in (update or {}).items():
            setattr(duplicate, name, value)
        return duplicate


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_none(v) for v in value]
    return value
