"""The `pipecat-rs` command."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pipecat_rs import __version__
from pipecat_rs.exceptions import MissingDependencyError

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
        level=logging.DEBUG if options.verbose else logging.ERROR,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    try:
        return _demo(options)
    except KeyboardInterrupt:
        print("Stopped before the call began: nothing was recorded.", file=sys.stderr)
        return INTERRUPTED
    except ImportError as error:
        print(f"pipecat-rs: {error}", file=sys.stderr)
        return 1


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
    return parser


if __name__ == "__main__":
    sys.exit(main())
