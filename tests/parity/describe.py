"""Describes the public names of a package's modules, as JSON on standard output.

    python describe.py pipecat pipeline processors frames      # what these parts of it define
    python describe.py pipecat_rs --like theirs.json           # the same names in another package

Runs under the interpreter that has the package and imports nothing else of this project. Without
`--like` a name belongs to the module that defines it, or to each that has it in its `__all__`; with
it, the names of the given description are looked up wherever the other package has them.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools
import importlib
import inspect
import json
import pkgutil
import re
import sys
import typing
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main(package: str, parts: list[str], like: Path | None) -> None:
    """Describe parts of a package, or what a description of another package names."""
    warnings.simplefilter("ignore")
    wanted = json.loads(like.read_text())["modules"] if like else None
    names = [f"{package}.{short}" for short in wanted] if wanted else modules(package, parts)
    described: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name in names:
        short = name.removeprefix(f"{package}.")
        try:
            module = importlib.import_module(name)
        except BaseException as error:  # an optional package is missing, or there is no such module
            failed[short] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        found = own_names(module) if wanted is None else wanted[short]
        described[short] = {
            key: describe(getattr(module, key), package, wanted and wanted[short][key])
            for key in sorted(found)
            if hasattr(module, key) and not isinstance(getattr(module, key), typing.TypeVar)
        }
    json.dump({"modules": described, "failed": failed}, sys.stdout)


def modules(package: str, parts: list[str]) -> Iterator[str]:
    """The modules below some parts of a package, packages themselves included."""
    for part in parts:
        top = f"{package}.{part}"
        yield top
        path = getattr(importlib.import_module(top), "__path__", ())
        found = pkgutil.walk_packages(path, f"{top}.", onerror=lambda name: None)
        yield from (module.name for module in found)


def own_names(module: Any) -> set[str]:
    """The names in a module's `__all__`, or else the public ones that it defines."""
    exported = getattr(module, "__all__", None)
    if exported is not None:
        return {n for n in exported if not inspect.ismodule(getattr(module, n, None))}
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value) and defines(module, name, value)
    }


def defines(module: Any, name: str, value: Any) -> bool:
    """Whether a module defines a name that it has."""
    if inspect.isclass(value) or inspect.isfunction(value):
        return value.__module__ == module.__name__
    return name in assigned(module.__name__)  # a constant does not know where it comes from


@functools.cache
def assigned(module: str) -> frozenset[str]:
    """Names that a module's source binds by assignment."""
    file = sys.modules[module].__file__
    assert file is not None
    names: set[str] = set()
    for statement in ast.parse(Path(file).read_text()).body:
        match statement:
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return frozenset(names)


def describe(value: Any, package: str, like: dict[str, Any] | None) -> dict[str, Any]:
    """What can be seen of a public object."""
    if inspect.isclass(value):
        return describe_class(value, package, like)
    if inspect.isroutine(value):
        return {
            "kind": "function",
            "defined": where(value, package),
            "async": is_async(value),
            "parameters": parameters(value),
        }
    return {"kind": "value", "value": shown(value)}


def describe_class(cls: type, package: str, like: dict[str, Any] | None) -> dict[str, Any]:
    """What can be seen of a class."""
    described: dict[str, Any] = {
        "kind": "class",
        "defined": where(cls, package),
        "bases": bases(cls, package) if like is None else is_a(cls, package, like.get("bases", [])),
        "members": members(cls, package),
        "foreign": sorted({b.__module__.partition(".")[0] for b in cls.__mro__} & {"pydantic"}),
    }
    if issubclass(cls, enum.Enum):
        # The plain value: an enum that is also a string shows differently from Python to Python.
        described["values"] = {n: repr(m.value) for n, m in cls.__members__.items()}
    else:
        # Of `__init__`: some classes of theirs have a `__new__` that hides it, to warn.
        described["parameters"] = parameters(cls if described["foreign"] else cls.__init__)
    if dataclasses.is_dataclass(cls):
        described["fields"] = [field.name for field in dataclasses.fields(cls)]
    elif described["foreign"]:
        described["fields"] = list(cls.__dict__["__pydantic_fields__"])  # also a dataclass here
    return described


def where(value: Any, package: str) -> str:
    """The module, within the package, and the name under which something is defined."""
    module = getattr(value, "__module__", None)
    return f"{module}.{value.__qualname__}".removeprefix(f"{package}.")


def bases(cls: type, package: str) -> list[str]:
    """The public classes of its package that a class derives from, as module and name."""
    return [
        f"{base.__module__.removeprefix(f'{package}.')}:{base.__name__}"
        for base in cls.__mro__[1:]
        if base.__module__.startswith(f"{package}.") and not base.__name__.startswith("_")
    ]


def is_a(cls: type, package: str, asked: list[str]) -> list[str]:
    """Those classes of another package whose counterparts a class is a subclass of."""
    found = []
    for entry in asked:
        module, name = entry.split(":")
        try:
            base = getattr(importlib.import_module(f"{package}.{module}"), name)
            if issubclass(cls, base):
                found.append(entry)
        except (ImportError, AttributeError, TypeError):
            continue
    return found


def members(cls: type, package: str) -> dict[str, Any]:
    """The public members of a class, with the class that defines each; not those of libraries."""
    found: dict[str, Any] = {}
    for name in dir(cls):
        if name.startswith("_") or hasattr(object, name):
            continue
        owner = next((b for b in cls.__mro__ if name in b.__dict__), None)
        if owner is None or not in_package(owner, package):
            continue  # of pydantic, enum, the standard library
        if name.startswith("model_") and hasattr(cls, "__pydantic_fields__"):
            continue
        found[name] = {
            "owner": where(owner, package),
            **describe_member(cls, name),
        }
    return found


def in_package(cls: type, package: str) -> bool:
    """Whether a class belongs to a package or its native part."""
    return cls.__module__ == package or cls.__module__.startswith(f"{package}.")


def describe_member(cls: type, name: str) -> dict[str, Any]:
    """What can be seen of a member of a class."""
    raw = inspect.getattr_static(cls, name)
    if isinstance(raw, (property, functools.cached_property)):
        return {"kind": "property"}
    value = getattr(cls, name, raw)  # some descriptors are for instances only
    if inspect.isclass(value):
        return {"kind": "class"}
    if isinstance(raw, (staticmethod, classmethod)) or inspect.isroutine(value):
        bound = "class" if isinstance(raw, classmethod) else type(raw).__name__
        return {
            "kind": "static method" if bound == "staticmethod" else "method",
            "async": is_async(value),
            "parameters": parameters(value),
        }
    return {"kind": "attribute"}


def is_async(function: Any) -> bool:
    """Whether calling it gives something to await or to iterate over asynchronously."""
    function = inspect.unwrap(function)  # a decorator that warns hides it
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def parameters(function: Any) -> list[list[Any]] | None:
    """Each parameter's name, kind and default, as text; None if there is no signature."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    return [
        [p.name, p.kind.name, None if p.default is p.empty else shown(p.default)]
        for p in signature.parameters.values()
        if p.name not in ("self", "cls")
    ]


def shown(value: Any) -> str:
    """A default or a constant as text which is the same in both packages if it means the same."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    if isinstance(value, str) and len(value) > 60:
        return "a text"  # what a model or a person is told is each package's own
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return repr(value)
    if inspect.isclass(value):
        return value.__name__
    if isinstance(value, tuple) and value and all(inspect.isclass(item) for item in value):
        # What is caught or matched: how many installed packages have one of the name is open.
        return f"any of {', '.join(dict.fromkeys(shown(item) for item in value))}"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__}({', '.join(shown(item) for item in value)})"
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}({', '.join(sorted(shown(item) for item in value))})"
    if isinstance(value, dict):
        return f"dict({', '.join(f'{shown(k)}: {shown(v)}' for k, v in value.items())})"
    if isinstance(value, re.Pattern):
        return "a pattern"  # how a text is matched is for the tests of what matches
    if repr(value) in ("<factory>", "PydanticUndefined"):
        return "made for each"
    return f"a {type(value).__name__}"


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[1] == "--like":
        main(arguments[0], [], Path(arguments[2]))
    else:
        main(arguments[0], arguments[1:], None)
