"""Lets programs written for pipecat run as they are: ``import pipecat`` means this package.

::

    import pipecat_rs.compat

    pipecat_rs.compat.install()  # before the first import of pipecat

    from pipecat.pipeline.pipeline import Pipeline  # pipecat_rs.pipeline.pipeline.Pipeline

Both names lead to one module object, so a class is the same class under either. A pipecat-ai that
is installed is neither needed nor touched; while the alias is in place it cannot be imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from pipecat_rs.exceptions import PipecatError

__all__ = ["install", "uninstall"]

_THEIRS = "pipecat"
_OURS = "pipecat_rs"


def install() -> None:
    """Make ``import pipecat`` and everything below it mean this package. May be called again.

    Raises:
        PipecatError: If pipecat itself is imported already: its classes and ours would be mixed.
    """
    imported = sys.modules.get(_THEIRS)
    if imported is not None and imported is not sys.modules[_OURS]:
        raise PipecatError(
            f"pipecat is already imported, from {getattr(imported, '__file__', None)}: "
            "its classes would be mixed with those of pipecat_rs",
            hint="call pipecat_rs.compat.install() before the first import of pipecat",
        )
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undo `install`: later imports of pipecat find what is installed. May be called again."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name, module in list(sys.modules.items()):
        if _is_theirs(name) and module is sys.modules.get(_our_name(name)):
            del sys.modules[name]


def _is_theirs(name: str) -> bool:
    return name == _THEIRS or name.startswith(f"{_THEIRS}.")


def _our_name(name: str) -> str:
    return _OURS + name.removeprefix(_THEIRS)


class _AliasLoader(Loader):
    """Loads a module under its other name: the same object, unchanged."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._own_spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._name)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written the alias's spec over the module's own.
        module.__spec__ = self._own_spec


class _AliasFinder(MetaPathFinder):
    """Finds each module of pipecat in this package."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not _is_theirs(fullname):
            return None
        name = _our_name(fullname)
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: pipecat_rs stands in for pipecat "
                f"(pipecat_rs.compat.install), and has no module {name!r}",
                name=fullname,
            )
        return ModuleSpec(fullname, _AliasLoader(name))


_finder = _AliasFinder()
