"""Makes a bot's file a program: ``python bot.py`` serves it.

::

    if __name__ == "__main__":
        from pipecat_rs.runner.run import main

        main()
"""

from __future__ import annotations

import argparse
import logging
import sys

from pipecat_rs.exceptions import PipecatError
from pipecat_rs.runner.bot_loader import bot_of
from pipecat_rs.runner.serve_options import ServeOptions, add_serve_arguments
from pipecat_rs.runner.serving import serve

__all__ = ["main"]


def main(parser: argparse.ArgumentParser | None = None) -> None:
    """Serve the ``bot`` function of the program's file, and exit when a signal ends it.

    Args:
        parser: A parser with further arguments of the bot, which gets them as
            `RunnerArguments.cli_args`.
    """
    parser = parser or argparse.ArgumentParser(description="Serves this bot over WebSockets.")
    add_serve_arguments(parser)
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log more")
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    try:
        bot = bot_of(sys.modules["__main__"])
        code = serve(lambda: bot, ServeOptions.of(arguments), arguments)
    except (PipecatError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        code = 1
    sys.exit(code)
