"""Files that prepare each runner and task of a process."""

import os
from pathlib import Path

import pytest
from pipecat_rs.frames.frames import EndFrame
from pipecat_rs.pipeline.runner import WorkerRunner
from pipecat_rs.testing import Recorder
from support.tasks import task_of
from support.waiting import within

BOTH = """
seen = []

async def setup_worker_runner(runner):
    seen.append(type(runner).__name__)
    runner.seen = seen

async def setup_pipeline_worker(worker):
    seen.append(worker.name)
"""


async def run_one(name: str = "task") -> WorkerRunner:
    runner, task = WorkerRunner(handle_sigint=False), task_of(Recorder(), name=name)
    await task.queue_frame(EndFrame())
    await within(runner.run(task))
    return runner


async def test_runners_and_tasks_are_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "prepare.py"
    file.write_text(BOTH)
    monkeypatch.setenv("PIPECAT_SETUP_FILES", str(file))
    runner = await run_one("one")
    await run_one("two")
    assert runner.seen == ["WorkerRunner", "one", "WorkerRunner", "two"]  # type: ignore[attr-defined]


async def test_what_goes_wrong_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    files = {
        "broken.py": "1 / 0",
        "empty.py": "",
        "fails.py": "async def setup_worker_runner(runner): raise ValueError('no')",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    names = [*files, "missing.py", "strange.txt"]
    paths = os.pathsep.join(str(tmp_path / name) for name in names)
    monkeypatch.setenv("PIPECAT_SETUP_FILES", paths)
    await run_one()
    for name in names:
        assert f"{name}" in caplog.text
    assert "no setup_worker_runner" in caplog.text and "ValueError: no" in caplog.text


async def test_the_older_name_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "older.py"
    file.write_text("async def setup_pipeline_task(task): task.prepared = True")
    monkeypatch.setenv("PIPECAT_SETUP_FILES", str(file))
    task = task_of(Recorder())
    await task.queue_frame(EndFrame())
    with pytest.warns(DeprecationWarning, match="setup_pipeline_worker"):
        await within(task.run())
    assert task.prepared  # type: ignore[attr-defined]
