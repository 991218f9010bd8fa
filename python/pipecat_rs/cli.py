"""The `pipecat-rs` command."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pipecat_rs import __version__
from pipecat_rs.exceptions import MissingDependencyError, PipecatError

INTERRUPTED = 130
"""Exit code of a program that was ended by Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: What follows the command's name; None takes it from the command line.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else options.log_level,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    try:
        return options.command(options)
    except KeyboardInterrupt:
        print(options.interrupted, file=sys.stderr)
        return INTERRUPTED
    except (ImportError, PipecatError, OSError) as error:
        print(f"pipecat-rs: {error}", file=sys.stderr)
        return 1


def _serve(options: argparse.Namespace) -> int:
    from pipecat_rs.runner.bot_loader import load_bot
    from pipecat_rs.runner.serve_options import ServeOptions
    from pipecat_rs.runner.serving import serve

    return serve(lambda: load_bot(options.bot), ServeOptions.of(options), options)


def _call(options: argparse.Namespace) -> int:
    from pipecat_rs.runner.caller import CallOptions, call

    return call(CallOptions.of(options))


def _demo(options: argparse.Namespace) -> int:
    try:
        from rich.console import Console
    except ImportError as error:
        raise MissingDependencyError.of("rich", needed_by="the demo", extra="local") from error
    from pipecat_rs.demo.calls import call_path
    from pipecat_rs.demo.session import DemoOptions, DemoSession

    session = DemoSession(
        DemoOptions(
            input=options.input or call_path(options.call),
            output=options.output,
            fast=options.fast,
            picture=options.picture,
        ),
        Console(highlight=False),
    )
    return session.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pipecat-rs", description="Real-time voice agents: pipecat's API on a Rust engine."
    )
    parser.add_argument("--version", action="version", version=f"pipecat-rs {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_serve(commands)
    _add_call(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo",
        help="hold a call between a recorded caller and a voice agent",
        description="Holds a call between a recorded caller and a voice agent whose speech "
        "recognition, language model and voice run on this machine. Writes both sides of the call "
        "as a WAV and its timeline as a PNG.",
    )
    source = demo.add_mutually_exclusive_group()
    source.add_argument(
        "--input", type=Path, metavar="FILE", help="the caller: any WAV, FLAC, Ogg or MP3 file"
    )
    source.add_argument(
        "--call",
        choices=("scripted", "human"),
        default="scripted",
        help="a caller that comes with the demo (default: %(default)s)",
    )
    demo.add_argument(
        "--fast", action="store_true", help="leave out the time in which audio merely goes by"
    )
    demo.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        default=Path("demo-output"),
        help="folder for recording and picture (default: %(default)s)",
    )
    demo.add_argument(
        "--no-picture", dest="picture", action="store_false", help="do not draw the timeline"
    )
    demo.add_argument("--verbose", action="store_true", help="print the program's log")
    demo.set_defaults(
        command=_demo,
        log_level=logging.ERROR,
        interrupted="Stopped before the call began: nothing was recorded.",
    )


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pipecat_rs.runner.serve_options import add_serve_arguments

    serve = commands.add_parser(
        "serve",
        help="serve a bot over WebSockets: one for each call, many in a process",
        description="Opens a port and runs a bot for each WebSocket that connects: the function "
        "`async def bot(runner_args)` of a file. `/health`, `/ready` and `/metrics` answer at the "
        "same port. The file may also have `async def authorize(request)`, which decides who is "
        "let in, and `async def http(request)`, which answers other requests.",
    )
    serve.add_argument("bot", metavar="BOT", help="bot.py, or a module; FILE:NAME for another name")
    add_serve_arguments(serve)
    serve.add_argument("--verbose", action="store_true", help="log more")
    serve.set_defaults(
        command=_serve, log_level=logging.INFO, interrupted="Stopped before the port was open."
    )


def _add_call(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    call = commands.add_parser(
        "call",
        help="call a bot over a WebSocket, and speak an audio file into it",
        description="Connects to a bot, speaks an audio file into it in real time, and saves what "
        "the bot says: each side on a channel of its own.",
    )
    call.add_argument("url", metavar="URL", help="ws://localhost:7860")
    call.add_argument(
        "--speak", type=Path, required=True, metavar="FILE", help="what the caller says"
    )
    call.add_argument(
        "--save",
        type=Path,
        metavar="FILE",
        help="WAV of both sides: left the caller, right the bot",
    )
    call.add_argument(
        "--format",
        choices=("protobuf", "pcm", "twilio"),
        default="protobuf",
        help="what is spoken on the wire (default: %(default)s)",
    )
    call.add_argument(
        "--rate", type=int, default=16000, metavar="HZ", help="of the audio (default: %(default)s)"
    )
    call.add_argument(
        "--listen",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="hang up when the bot has been silent for this long after the file's end "
        "(default: %(default)g)",
    )
    call.add_argument(
        "--token", metavar="VARIABLE", help="environment variable with a token that is shown"
    )
    call.add_argument("--ca", type=Path, metavar="PEM", help="authority to trust with wss://")
    call.add_argument("--verbose", action="store_true", help="log more")
    call.set_defaults(
        command=_call, log_level=logging.ERROR, interrupted="Hung up: nothing was saved."
    )


if __name__ == "__main__":
    sys.exit(main())
