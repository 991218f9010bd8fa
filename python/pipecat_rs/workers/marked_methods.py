"""Finds the methods of a class that a decorator has marked with a name."""

from __future__ import annotations


def marked_methods(cls: type, mark: str, decorator: str) -> dict[str, str]:
    """Return which method of a class is marked with which name.

    A method that is overridden without the mark has lost it.

    Args:
        cls: The class.
        mark: Attribute of the methods that holds the name.
        decorator: Name of the decorator, for the error.

    Raises:
        ValueError: If two methods are marked with the same name.
    """
    found: dict[str, str] = {}
    seen: set[str] = set()
    for base in cls.__mro__:
        for attribute, member in vars(base).items():
            if attribute in seen:
                continue
            seen.add(attribute)
            name = getattr(member, mark, None)
            if name is None or not callable(member):
                continue
            if name in found:
                raise ValueError(
                    f"{cls.__name__}: both {found[name]} and {attribute} are marked with "
                    f"@{decorator}(name={name!r}). Give one of them another name."
                )
            found[name] = attribute
    return found
