"""The programs of `docs/media.md` run: its bots are served, called and heard."""

import re
import shlex
import subprocess
import sys
import tomllib
import wave
from array import array
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.commands import Command, running
from support.speech import RATE, WHO_WROTE, speech

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "media.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return [text for found, text in BLOCK.findall(PAGE) if found == language]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the page's files in it, and with somebody's voice."""
    python = blocks("python")
    (tmp_path / "bot.py").write_text(next(text for text in python if "async def bot(" in text))
    (tmp_path / "app.py").write_text(next(text for text in python if "app = FastAPI()" in text))
    with wave.open(str(tmp_path / "caller.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(speech(*WHO_WROTE))
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def commands(word: str) -> list[list[str]]:
    """The lines of the shell block that has a word in it, in words."""
    block = next(text for text in blocks("sh") if word in text)
    return [shlex.split(line) for line in block.splitlines()]


@asynccontextmanager
async def called(serve: list[str], call: list[str], port: str) -> AsyncIterator[Command]:
    """Serve on a free port, and call there. `port` finds it in what the server says."""
    modules = {"pipecat-rs": "pipecat_rs.cli"}
    async with running("-m", modules.get(serve[0], serve[0]), *serve[1:]) as server:
        free = (await server.until(port)).group(1)
        call = [word.replace(":7860", f":{free}") for word in call]
        async with running("-m", modules[call[0]], *call[1:]) as caller:
            yield caller
            assert "Traceback" not in server.said, server.said


def bot_said(path: Path) -> array:
    with wave.open(str(path)) as file:
        return array("h", file.readframes(file.getnframes()))[1::2]


@pytest.mark.parametrize("program", blocks("python"))
def test_each_program_runs_without_a_warning(folder: Path, program: str) -> None:
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


async def test_the_bot_that_is_served_says_what_the_caller_says(folder: Path) -> None:
    serve, call = commands("pipecat-rs serve")
    serve += ["--host", "127.0.0.1", "--port", "0", "--max-lateness-ms", "0"]
    async with called(serve, call, r"ws://127\.0\.0\.1:(\d+)") as caller:
        assert await caller.wait() == 0, caller.said
    assert max(bot_said(folder / "call.wav")) > 3_000


async def test_the_bot_in_an_application_answers_a_telephone(folder: Path) -> None:
    pytest.importorskip("fastapi")
    serve, call = commands("uvicorn")
    serve[serve.index("--port") + 1] = "0"
    serve += ["--host", "127.0.0.1"]
    async with called(serve, call, r"http://127\.0\.0\.1:(\d+)") as caller:
        assert await caller.wait() == 0, caller.said
    assert max(bot_said(folder / "call.wav")) > 3_000


def test_the_feature_of_the_build_is_there() -> None:
    (_, build) = commands("build-args")
    feature = build[-1].removeprefix("build-args=--features ")
    package = tomllib.loads((ROOT / "rust" / "python" / "Cargo.toml").read_text())
    assert feature in package["features"]


def test_all_shell_commands_are_tried() -> None:
    tried = [*commands("pipecat-rs serve"), *commands("uvicorn"), *commands("build-args")]
    lines = [shlex.split(line) for text in blocks("sh") for line in text.splitlines()]
    assert lines == tried


def test_modules_of_the_tables_are_there() -> None:
    import importlib

    for path in re.findall(r"^\|[^|]*\| `([\w.{},]+)`(?:, `([\w.{},]+)`)? \|$", PAGE, re.M):
        for one in filter(None, path):
            head, _, options = one.partition("{")
            names = [head + name for name in options.rstrip("}").split(",")] if options else [head]
            for name in names:
                importlib.import_module(f"pipecat_rs.{name}")


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) < 220
