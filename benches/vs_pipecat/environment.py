"""The two Python environments that the children run in, and what to say about the machine."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

BENCHES = Path(__file__).resolve().parent.parent
PIPECAT_VENV = BENCHES / ".venv-pipecat"
PIPECAT_VERSION = "1.14.0"
UVLOOP_VERSION = "0.23.0"
# What pipecat's users serve WebSockets with.
FASTAPI_VERSION, UVICORN_VERSION = "0.165.0", "0.54.0"
CALLERS = BENCHES.parent / "target" / "release" / "callers"
SPEECH = BENCHES / "results" / "speech.wav"

_VERSIONS = """
import importlib.metadata as m, json, platform
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return None
print(json.dumps({"python": platform.python_version(), "uvloop": version("uvloop"),
                  "pipecat-ai": version("pipecat-ai"), "pipecat-rs": version("pipecat-rs")}))
"""


def pipecat_python() -> Path:
    """The interpreter of an environment that has pipecat-ai; made on the first run.

    `PIPECAT_PYTHON` in the environment names one that has it already.

    Raises:
        subprocess.CalledProcessError: The environment could not be made.
    """
    if named := os.environ.get("PIPECAT_PYTHON"):
        return Path(named)
    python = PIPECAT_VENV / "bin" / "python"
    wanted = [
        f"pipecat-ai=={PIPECAT_VERSION}",
        f"uvloop=={UVLOOP_VERSION}",
        f"fastapi=={FASTAPI_VERSION}",
        f"uvicorn=={UVICORN_VERSION}",
    ]
    stamp = PIPECAT_VENV / "installed"
    had = stamp.read_text().split() if stamp.exists() else []
    if had != wanted:
        print(f"making {PIPECAT_VENV} with {', '.join(wanted)} (once)", flush=True)
        # What is added to an environment that fits is no reason to make it anew.
        anew = [] if had and set(had) <= set(wanted) else ["--clear"]
        subprocess.run([sys.executable, "-m", "venv", *anew, PIPECAT_VENV], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True)
        stamp.write_text(" ".join(wanted))
    return python


def ours_python() -> Path:
    """The interpreter that has pipecat_rs: this one, or else that of pipecat with a wheel of ours.

    Raises:
        subprocess.CalledProcessError: The wheel could not be built.
    """
    if importable(Path(sys.executable)):
        return Path(sys.executable)
    python = pipecat_python()
    if not importable(python):
        print("building a wheel of pipecat_rs in release mode", flush=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", str(BENCHES.parent)], check=True)
    return python


def callers(ours: Path | None) -> dict[str, str]:
    """What workloads that call a server need; made when they are first run.

    Args:
        ours: The interpreter that has pipecat_rs and its `local` extra, if it is compared.

    Returns:
        Variables for the environment of the children.

    Raises:
        subprocess.CalledProcessError: The callers could not be built, or what they say not be
            spoken.
    """
    if "BENCH_CALLERS" not in os.environ:
        build = ["cargo", "build", "--release", "--locked", "-p", "benches", "--bin", "callers"]
        subprocess.run(build, cwd=BENCHES.parent, check=True)
    if not SPEECH.exists():
        SPEECH.parent.mkdir(parents=True, exist_ok=True)
        voice = BENCHES / "vs_pipecat" / "workloads" / "calls" / "voice.py"
        subprocess.run([ours or sys.executable, voice, SPEECH], check=True)
    return {"BENCH_CALLERS": os.environ.get("BENCH_CALLERS", str(CALLERS))}


def importable(python: Path) -> bool:
    """Whether this interpreter can import the engine."""
    command = [python, "-c", "import pipecat_rs._core"]
    return subprocess.run(command, capture_output=True, cwd=BENCHES).returncode == 0


def is_debug_build(python: Path) -> bool:
    """Whether the engine of this interpreter was built without optimisation."""
    command = [python, "-c", "import pipecat_rs._core as core; print(core.DEBUG_BUILD)"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=BENCHES)
    return done.stdout.strip() == "True"


def versions(python: Path) -> dict[str, str | None]:
    """Versions of what matters in an environment."""
    done = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def machine() -> dict[str, str]:
    """Processor, cores, memory and kernel, as far as the system tells."""
    model, memory = platform.processor() or platform.machine(), ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
        kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
        memory = f"{kilobytes / 1024 / 1024:.0f} GB"
    except (OSError, ValueError):
        pass
    return {
        "processor": model,
        "cores": str(os.cpu_count()),
        "memory": memory,
        "system": f"{platform.system()} {platform.release()}",
    }
