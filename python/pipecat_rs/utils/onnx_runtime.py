"""The library of the ONNX runtime, for networks that run natively."""

from __future__ import annotations

import importlib.util
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
    """Return the library in the installed package onnxruntime.

    Args:
        needed_by: Who needs it, for the error.

    Raises:
        MissingDependencyError: If there is none.
    """
    found = find_onnx_runtime()
    if found is None:
        raise MissingDependencyError.of("onnxruntime", needed_by=needed_by, extra="local")
    return found
