"""Data that is reported: dataclasses with the part of pydantic's interface that readers use.

pipecat's reports are pydantic models. Importing pydantic would cost more than half of the time
that importing this whole package may take, for data which the package itself builds and which
needs no validation.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from typing import Self


class Model:
    """The part of pydantic's model interface that these classes and the reports offer."""

    def __str__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return " ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields)

    def model_dump(
        self,
        *,
        mode: Literal["python", "json"] = "python",
        include: set[str] | None = None,
        exclude: set[str] | None = None,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """Return the fields as a dictionary, nested models as dictionaries too.

        Args:
            mode: "json" for values that JSON has: enums as their values, tuples as lists.
            include: Only these fields, or None for all.
            exclude: Not these fields.
            exclude_none: Whether fields which are None are left out.
        """
        values = {
            name: value
            for name, value in dataclasses.asdict(self).items()  # type: ignore[call-overload]
            if (include is None or name in include) and name not in (exclude or ())
        }
        if mode == "json":
            values = _for_json(values)
        return _without_none(values) if exclude_none else values

    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        include: set[str] | None = None,
        exclude: set[str] | None = None,
        exclude_none: bool = False,
    ) -> str:
        """Return the fields as JSON.

        Args:
            indent: Spaces for each level, or None for one line.
            include: Only these fields, or None for all.
            exclude: Not these fields.
            exclude_none: Whether fields which are None are left out.
        """
        import json  # costs as much as this whole module, and few dump

        return json.dumps(
            self.model_dump(
                mode="json", include=include, exclude=exclude, exclude_none=exclude_none
            ),
            ensure_ascii=False,
            indent=indent,
            separators=(",", ":") if indent is None else None,
            default=str,
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, with some fields changed.

        Args:
            update: The fields that change.
            deep: Whether the values are copied too.
        """
        duplicate = copy.deepcopy(self) if deep else copy.copy(self)
        for name, value in (update or {}).items():
            setattr(duplicate, name, value)
        return duplicate


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_none(v) for v in value]
    return value


def _for_json(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {k: _for_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_for_json(v) for v in value]
    return value
