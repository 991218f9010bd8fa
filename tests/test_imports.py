"""Importing: each module by itself, and nothing heavy before it is needed."""

import json
import pkgutil
import subprocess
import sys

import pipecat_rs
import pytest

MODULES = sorted(m.name for m in pkgutil.walk_packages(pipecat_rs.__path__, "pipecat_rs."))
CORE = (
    "pipecat_rs",
    "pipecat_rs.frames.frames",
    "pipecat_rs.pipeline.pipeline",
    "pipecat_rs.pipeline.task",
    "pipecat_rs.processors.frame_processor",
)
HEAVY = {
    *("ctranslate2", "faster_whisper", "hibari", "loguru", "matplotlib", "numpy", "onnxruntime"),
    *("pydantic", "rich", "soundfile", "soxr", "xllamacpp"),
    *("aiohttp", "anthropic", "google.genai", "httpx", "httpx2", "openai"),
}
# Some of pipecat's older paths say that they are deprecated.
WARNINGS = ("-W", "error", "-W", "ignore::DeprecationWarning")

# Imports each module in a process of its own. Forked from an interpreter that has imported nothing
# of ours: as good as a fresh one, and 20 times as quick.
IMPORT_EACH_ALONE = """
import importlib, json, os, sys, traceback
failed, running = {}, []

def reap(name, child, reading):
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if said or status:
        failed[name] = said or f"exit status {status}"

for name in json.loads(sys.argv[1]):
    if len(running) > (os.cpu_count() or 1):
        reap(*running.pop(0))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        said = ""
        try:
            importlib.import_module(name)
        except BaseException:
            said = traceback.format_exc()
        os.write(writing, said.encode()[-4000:])
        os._exit(0)
    os.close(writing)
    running.append((name, child, reading))
for each in running:
    reap(*each)
json.dump(failed, sys.stdout)
"""


@pytest.mark.timeout(120)
def test_each_module_imports_alone() -> None:
    done = subprocess.run(
        [sys.executable, *WARNINGS, "-c", IMPORT_EACH_ALONE, json.dumps(MODULES)],
        capture_output=True,
        text=True,
        check=True,
    )

    failed = json.loads(done.stdout)
    report = "\n".join(f"{name}: {said.strip()}" for name, said in failed.items())
    assert not failed, f"these cannot be imported first:\n{report}"


@pytest.mark.parametrize("module", CORE)
def test_the_core_imports_nothing_heavy(module: str) -> None:
    code = f"import json, sys, {module}; json.dump(sorted(sys.modules), sys.stdout)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not HEAVY.intersection(json.loads(done.stdout))


def test_frames_import_nothing_of_the_layers_above() -> None:
    code = "import json, sys, pipecat_rs.frames.frames; json.dump(sorted(sys.modules), sys.stdout)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    above = ("pipeline", "processors", "services", "transports", "observers", "_core")
    ours = [name for name in json.loads(done.stdout) if name.startswith("pipecat_rs.")]
    assert not [name for name in ours if name.split(".")[1] in above]
