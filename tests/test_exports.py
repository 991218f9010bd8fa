"""What modules export.

The public names of a module are those in its `__all__`; without one, those that it defines: what it
imports is its own affair, as type checkers see it too.
"""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pipecat_rs
import pipecat_rs.frames.frames as facade
import pytest

PACKAGES = ("frames", "pipeline", "processors", "workers")
ROOT = Path(__file__).parents[1]


def modules_of(package: str) -> list[str]:
    """A package and its modules, at any depth."""
    name = f"pipecat_rs.{package}"
    found = pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}.")
    return [name, *(module.name for module in found)]


def bound_names(statements: list[ast.stmt]) -> set[str]:
    """Names that statements bind, other than by importing."""
    names: set[str] = set()
    for statement in statements:
        match statement:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                names.add(statement.name)
            case ast.Assign(targets=targets):
                nodes = [node for target in targets for node in ast.walk(target)]
                names |= {node.id for node in nodes if isinstance(node, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.If(body=body, orelse=orelse) | ast.Try(body=body, orelse=orelse):
                names |= bound_names(body) | bound_names(orelse)
    return names


@cache
def own_names(module: str) -> frozenset[str]:
    """Public names that a module defines."""
    file = importlib.import_module(module).__file__
    assert file is not None
    names = bound_names(ast.parse(Path(file).read_text()).body)
    return frozenset(name for name in names if not name.startswith("_"))


@cache
def exported_names(module: str) -> frozenset[str]:
    """Public names of a module."""
    return frozenset(getattr(importlib.import_module(module), "__all__", own_names(module)))


@pytest.mark.parametrize("module", [m for package in PACKAGES for m in modules_of(package)])
def test_all_is_complete_both_ways(module: str) -> None:
    exported = getattr(importlib.import_module(module), "__all__", None)
    if exported is None:
        return

    left_out = own_names(module) - set(exported)
    assert not left_out, "defined here and public, and not in __all__"
    missing = [name for name in exported if not hasattr(importlib.import_module(module), name)]
    assert not missing, "in __all__, and not there"
    assert len(set(exported)) == len(exported), "something is in __all__ twice"


def imports_of(file: Path) -> Iterator[tuple[str, str, int]]:
    """Each public name that a file takes from a module of the three packages, and the line."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            package = node.module.removeprefix("pipecat_rs.").partition(".")[0]
            if node.module.startswith("pipecat_rs.") and package in PACKAGES:
                yield from ((node.module, alias.name, node.lineno) for alias in node.names)


def is_submodule(package: str, name: str) -> bool:
    """Whether a name is that of a module in a package."""
    path = getattr(importlib.import_module(package), "__path__", [])
    return any(module.name == name for module in pkgutil.iter_modules(path))


@pytest.mark.parametrize("folder", ["python/pipecat_rs", "tests", "examples"])
def test_names_are_taken_from_where_they_are_public(folder: str) -> None:
    strays = [
        f"{file.relative_to(ROOT)}:{line}: {module}.{name}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for module, name, line in imports_of(file)
        if not name.startswith("_")
        and name not in exported_names(module)
        and not is_submodule(module, name)
    ]

    assert not strays


def test_every_frame_class_is_in_the_facade() -> None:
    for module in modules_of("frames"):
        for name in own_names(module):
            found = getattr(importlib.import_module(module), name)
            if isinstance(found, type) and issubclass(found, facade.Frame):
                assert name in facade.__all__, f"{name} of {module}"
                assert getattr(facade, name) is found


def test_the_package_loads_each_name_that_it_lists() -> None:
    for name in pipecat_rs.__all__:
        assert getattr(pipecat_rs, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = pipecat_rs.no_such_name
