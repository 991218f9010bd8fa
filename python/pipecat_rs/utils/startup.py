"""Functions that prepare each runner and task of a process, from files named by the environment.

``PIPECAT_SETUP_FILES`` lists Python files, separated as in ``PATH``. Each may define async
functions `setup_worker_runner(runner)`, called before a runner's workers start, and
`setup_pipeline_worker(worker)`, called before a task sets its processors up.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from pipecat_rs.utils.deprecation import warn_deprecated

_logger = logging.getLogger(__name__)

_loaded: dict[Path, ModuleType] = {}


async def run_setup_hook(
    *, target: Any, function_name: str, deprecated_function_name: str | None = None
) -> None:
    """Call a function of every setup file. What goes wrong is logged.

    A file is loaded once in a process, so its functions share what is in it.

    Args:
        target: What the function is given.
        function_name: Name of the function.
        deprecated_function_name: Its older name, which warns.
    """
    for path in _paths():
        module = _load(path)
        if module is None:
            continue
        function = getattr(module, function_name, None)
        if function is None and deprecated_function_name is not None:
            function = getattr(module, deprecated_function_name, None)
            if function is not None:
                warn_deprecated(
                    f"`{deprecated_function_name}` is deprecated since 1.3.0 and will be removed "
                    f"in 2.0.0. Use `{function_name}` instead. It is in {path}.",
                    stacklevel=2,
                )
        if function is None:
            _logger.warning("%s: there is no %s in %s", target, function_name, path)
            continue
        try:
            await function(target)
        except Exception:
            _logger.exception("%s: %s of %s failed", target, function_name, path)


def _paths() -> list[Path]:
    names = os.environ.get("PIPECAT_SETUP_FILES", "").split(os.pathsep)
    return [Path(name).resolve() for name in names if name]


def _load(path: Path) -> ModuleType | None:
    if path in _loaded:
        return _loaded[path]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        _logger.error("the setup file %s is no Python file", path)
        return None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception:
        _logger.exception("the setup file %s cannot be loaded", path)
        return None
    _loaded[path] = module
    return module
