"""YAML that includes other files, by ``!include`` and a path.

Paths may lead anywhere that the process can read, so this is for documents that are trusted.
"""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipecat_rs.exceptions import MissingDependencyError

if TYPE_CHECKING:
    import yaml

__all__ = ["add_include_constructor", "include_loader"]

# The files that are being loaded; one that includes itself would do so for ever.
_including: ContextVar[tuple[Path, ...]] = ContextVar("_including", default=())


def add_include_constructor(loader_class: type[yaml.SafeLoader], base_dir: Path) -> None:
    """Have a loader class, which is changed, include files.

    What is included is loaded by the same class, and may include in turn.

    Args:
        loader_class: The class; best one that nobody else uses, as `include_loader` makes it.
        base_dir: The folder from which paths lead on.

    Raises:
        MissingDependencyError: If PyYAML is not installed.
    """
    yaml = _load_yaml()

    def include(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "!include takes the path of a file", node.start_mark
            )
        path = (base_dir / node.value).resolve()
        if path in _including.get():
            raise yaml.constructor.ConstructorError(
                None, None, f"{path} includes itself", node.start_mark
            )
        token = _including.set((*_including.get(), path))
        try:
            with path.open(encoding="utf-8") as file:
                return yaml.load(file, loader_class)
        finally:
            _including.reset(token)

    loader_class.add_constructor("!include", include)


def include_loader(
    base_dir: Path, base: type[yaml.SafeLoader] | None = None
) -> type[yaml.SafeLoader]:
    """Return a loader class, for `yaml.load`, that includes files.

    Args:
        base_dir: The folder from which paths lead on, such as that of the document.
        base: The class it is derived from, which stays as it is; None for `yaml.SafeLoader`.

    Raises:
        MissingDependencyError: If PyYAML is not installed.
    """
    parent: Any = base or _load_yaml().SafeLoader

    class IncludeLoader(parent):
        """A loader of its own, so that no other one includes files."""

    add_include_constructor(IncludeLoader, base_dir)
    return IncludeLoader


def _load_yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise MissingDependencyError.of("yaml", needed_by="!include", extra="yaml") from error
    return yaml
