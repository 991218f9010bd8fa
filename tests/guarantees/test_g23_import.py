"""G23: starting is cheap: the core imports nothing heavy, and set-ups run side by side."""

import asyncio
import subprocess
import sys

import pytest
from pipecat_rs.processors.frame_processor import FrameProcessorSetup
from pipecat_rs.testing import running
from support.processors import Pass
from support.tasks import task_of

CORE = [
    "pipecat_rs",
    "pipecat_rs.frames.frames",
    "pipecat_rs.pipeline.pipeline",
    "pipecat_rs.pipeline.parallel_pipeline",
    "pipecat_rs.pipeline.service_switcher",
    "pipecat_rs.pipeline.task",
    "pipecat_rs.pipeline.runner",
    "pipecat_rs.processors.frame_processor",
]
HEAVY = [
    "aiohttp",
    "faster_whisper",
    "loguru",
    "matplotlib",
    "numpy",
    "onnxruntime",
    "pydantic",
    "rich",
    "scipy",
    "soundfile",
    "soxr",
    "xllamacpp",
]


@pytest.mark.parametrize("module", CORE)
def test_g23_core_modules_import_nothing_heavy(module: str):
    code = f"import sys, {module}; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    assert found.stdout.split() == [] and found.stderr == ""


async def test_g23_processors_connect_side_by_side():
    together = asyncio.Barrier(10)

    class Connects(Pass):
        async def setup(self, setup: FrameProcessorSetup) -> None:
            await super().setup(setup)
            await together.wait()

    async with running(task_of(*(Connects() for _ in range(10)))):
        pass
