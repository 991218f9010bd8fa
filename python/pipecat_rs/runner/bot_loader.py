"""Finds the bot that is to be served: a function in a file or in a module."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pipecat_rs.exceptions import PipecatError
from pipecat_rs.runner.session_host import Bot

__all__ = ["BotNotFoundError", "LoadedBot", "bot_of", "load_bot"]

_EXAMPLE = "async def bot(runner_args): ..."


class BotNotFoundError(PipecatError):
    """There is no bot where one was looked for."""


@dataclass(frozen=True)
class LoadedBot:
    """A bot, and what stands beside it.

    Attributes:
        bot: The bot.
        source: Where it was found.
        authorize: The module's ``async def authorize(request)``, which decides who may have a
            session; see `SessionServer`.
        http: The module's ``async def http(request)``, which answers other requests.
    """

    bot: Bot
    source: str
    authorize: Callable[..., Any] | None = None
    http: Callable[..., Any] | None = None


def load_bot(source: str) -> LoadedBot:
    """Load a bot.

    Args:
        source: A file (``bot.py``) or a module (``calls.bot``), each with the function's name
            behind a colon if it is not ``bot``.

    Raises:
        BotNotFoundError: If there is no such file, module or function.
        Exception: What the file raises when it is run.
    """
    where, name = _split(source)
    if where.endswith(".py"):
        module = _run_file(Path(where))
    else:
        try:
            module = importlib.import_module(where)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{where}.".startswith(f"{error.name}."):
                raise
            raise BotNotFoundError(
                f"there is no module {error.name!r}",
                hint="give the path of a file, bot.py, or a module that can be imported",
            ) from error
    return bot_of(module, name)


def bot_of(module: ModuleType, name: str = "bot") -> LoadedBot:
    """Return the bot of a module.

    Args:
        module: The module.
        name: The function's name.

    Raises:
        BotNotFoundError: If the module has no such function, or it is none for a bot.
    """
    source = getattr(module, "__file__", None) or module.__name__
    bot = getattr(module, name, None)
    if bot is None:
        others = [key for key, value in vars(module).items() if _is_own_coroutine(value, module)]
        found = f"; it has {', '.join(sorted(others))}" if others else ""
        raise BotNotFoundError(
            f"{source} has no function {name!r}{found}",
            hint=f"write `{_EXAMPLE}`, or name another function: {source}:NAME",
        )
    if not inspect.iscoroutinefunction(bot) and not inspect.iscoroutinefunction(
        getattr(bot, "__call__", None)  # noqa: B004 - an object whose call is a coroutine
    ):
        raise BotNotFoundError(
            f"{name!r} in {source} is no coroutine function but {bot!r}",
            hint=f"write `{_EXAMPLE}`",
        )
    try:
        inspect.signature(bot).bind(None)
    except TypeError as error:
        raise BotNotFoundError(
            f"{name!r} in {source} cannot be called with one argument: {error}",
            hint=f"write `{_EXAMPLE}`",
        ) from error
    return LoadedBot(bot, source, *(_hook(module, hook) for hook in ("authorize", "http")))


def _hook(module: ModuleType, name: str) -> Callable[..., Any] | None:
    """Return a module's hook; something else of that name, such as an import, is none."""
    found = getattr(module, name, None)
    return found if inspect.iscoroutinefunction(found) else None


def _is_own_coroutine(value: object, module: ModuleType) -> bool:
    return inspect.iscoroutinefunction(value) and value.__module__ == module.__name__


def _split(source: str) -> tuple[str, str]:
    where, colon, name = source.rpartition(":")
    return (where, name) if colon and name.isidentifier() else (source, "bot")


def _run_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise BotNotFoundError(
            f"there is no file {str(path)!r} in {Path.cwd()}", hint="give the path of a bot's file"
        )
    path = path.resolve()
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # what stands beside it can be imported, as when it is run
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_bot"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BotNotFoundError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
