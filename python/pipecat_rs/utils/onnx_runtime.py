"""The library of the ONNX runtime, for networks that run natively.

Since version 1.32 it reports its use to its makers, and keeps a database in the user's cache for
that. Here it does not, unless the environment variable ``ORT_DISABLE_TELEMETRY`` says otherwise.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from pipecat_rs.exceptions import MissingDependencyError

_NAMES = ("libonnxruntime.so*", "libonnxruntime*.dylib")


def find_onnx_runtime() -> Path | None:
    """Return the library in the installed package onnxruntime, or None. It imports nothing."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "capi"
    return next((path for name in _NAMES for path in sorted(folder.glob(name))), None)


def onnx_runtime(*, needed_by: object) -> Path:
    """Return the library in the installed package onnxruntime, to be loaded without telemetry.

    Args:
        needed_by: Who needs it, for the error.

    Raises:
        MissingDependencyError: If there is none.
    """
    found = find_onnx_runtime()
    if found is None:
        raise MissingDependencyError.of("onnxruntime", needed_by=needed_by, extra="local")
    # The library asks for it when it is loaded; there is no call that would be early enough.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return found
