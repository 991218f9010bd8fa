"""Where a bot is found, and what is said when there is none."""

import sys
import types
from pathlib import Path

import pytest
from pipecat_rs.runner.bot_loader import BotNotFoundError, bot_of, load_bot


@pytest.fixture(autouse=True)
def modules_as_they_were():
    before, paths = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]
    sys.path[:] = paths


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


async def test_a_file_may_import_what_stands_beside_it(tmp_path: Path):
    write(tmp_path, "greetings.py", "HELLO = 'hello'")
    path = write(
        tmp_path, "my_bot.py", "from greetings import HELLO\nasync def bot(_): return HELLO"
    )
    loaded = load_bot(str(path))
    assert await loaded.bot(None) == "hello"  # type: ignore[arg-type]
    assert loaded.source == str(path)
    assert (loaded.authorize, loaded.http) == (None, None)


async def test_a_function_of_another_name(tmp_path: Path):
    path = write(tmp_path, "my_bot.py", "async def agent(_): return 1")
    assert await load_bot(f"{path}:agent").bot(None) == 1  # type: ignore[arg-type]


async def test_a_module(tmp_path: Path):
    write(tmp_path, "calls/__init__.py", "")
    write(tmp_path, "calls/support_bot.py", "async def bot(_): return 2")
    sys.path.insert(0, str(tmp_path))
    assert await load_bot("calls.support_bot").bot(None) == 2  # type: ignore[arg-type]
    with pytest.raises(BotNotFoundError, match=r"no module 'calls\.other'"):
        load_bot("calls.other")


def test_a_file_may_have_the_name_of_a_module(tmp_path: Path):
    import json

    path = write(tmp_path, "json.py", "async def bot(_): ...")
    load_bot(str(path))
    assert sys.modules["json"] is json


def test_hooks_beside_the_bot(tmp_path: Path):
    path = write(
        tmp_path,
        "my_bot.py",
        "import http\nasync def bot(_): ...\nasync def authorize(request): ...",
    )
    loaded = load_bot(str(path))
    assert loaded.authorize is not None
    assert loaded.http is None  # an import is no hook


def test_an_object_that_is_called_is_a_bot():
    class Bot:
        async def __call__(self, arguments) -> None: ...

    module = types.ModuleType("here")
    module.bot = Bot()  # type: ignore[attr-defined]
    assert bot_of(module).bot is module.bot  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no function 'bot'"),
        ("async def boot(_): ...", "it has boot"),
        ("def bot(_): ...", "no coroutine function"),
        ("async def bot(): ...", "cannot be called with one argument"),
        ("async def bot(a, b): ...", "cannot be called with one argument"),
    ],
)
def test_what_is_no_bot_is_explained(tmp_path: Path, text: str, complaint: str):
    with pytest.raises(BotNotFoundError, match=complaint):
        load_bot(str(write(tmp_path, "my_bot.py", text)))


def test_a_file_that_fails_raises_what_it_raises(tmp_path: Path):
    path = write(tmp_path, "my_bot.py", "import not_a_package_of_anybody")
    with pytest.raises(ModuleNotFoundError, match="not_a_package_of_anybody"):
        load_bot(str(path))
    assert "my_bot" not in sys.modules


def test_a_file_that_is_missing(tmp_path: Path):
    with pytest.raises(BotNotFoundError, match="there is no file"):
        load_bot(str(tmp_path / "bot.py"))
