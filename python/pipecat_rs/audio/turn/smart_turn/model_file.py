"""Where the smart-turn network is found on this machine.

The file, ``smart-turn-v3.2-cpu.onnx`` (9 MB, BSD 2-Clause, by Daily), is part of the distribution
pipecat-ai. Nothing of that needs to be imported, and pip can install it without what it depends on.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

from pipecat_rs.exceptions import MissingDependencyError

MODEL_FILE = "smart-turn-v3.2-cpu.onnx"

_IN_PIPECAT = Path("audio/turn/smart_turn/data")
_IN_PREFIX = Path("share/pipecat_rs")


def find_smart_turn_model() -> Path | None:
    """Return the file of the network, or None if this environment has none.

    It is looked for in ``share/pipecat_rs`` of the environment, and in an installed pipecat-ai.
    """
    places = [Path(sys.prefix) / _IN_PREFIX]
    # Asks the directories of sys.path alone: with `pipecat_rs.compat`, pipecat's name leads to us.
    spec = PathFinder.find_spec("pipecat")
    if spec is not None:
        places += [Path(place) / _IN_PIPECAT for place in spec.submodule_search_locations or ()]
    return next((place / MODEL_FILE for place in places if (place / MODEL_FILE).is_file()), None)


def smart_turn_model(path: str | Path | None, *, needed_by: object) -> Path:
    """Return the file of the network.

    Args:
        path: The file, or None to look for it.
        needed_by: Who needs it, for the error.

    Raises:
        FileNotFoundError: If there is no file at the path.
        MissingDependencyError: If this environment has none.
    """
    if path:
        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no smart-turn model at {path}")
        return Path(path)
    found = find_smart_turn_model()
    if found is None:
        raise MissingDependencyError(
            f"{needed_by} needs the network {MODEL_FILE}, which comes with pipecat-ai 1.14",
            hint="pip install --no-deps pipecat-ai, or give the file's path as "
            "smart_turn_model_path",
        )
    return found
