"""The tables at the end of a call: where the time of each answer went, and the engine's figures."""

from __future__ import annotations

from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table

from pipecat_rs.demo.conversation import STAGES, Conversation, Turn
from pipecat_rs.demo.figures import Figure

_HEADINGS = ("transcript", "turn over", "1st token", "1st audio", "played")

_WIDE = 114
"""From this many columns on there is room for what the caller said."""


def print_latencies(console: Console, conversation: Conversation) -> None:
    """Print how long each stage took, in milliseconds, turn by turn.

    Args:
        console: Where to print.
        conversation: The call.
    """
    turns = [(number, turn) for number, turn in enumerate(conversation.turns, 1) if turn.stages()]
    if not turns:
        return
    table = Table(
        title="From the caller's last word to the first sound of the answer (ms)",
        caption="each column is the time since the one before it",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
    )
    table.add_column("turn", justify="right", no_wrap=True)
    with_words = console.width >= _WIDE
    if with_words:
        table.add_column("the caller said", max_width=34, no_wrap=True, overflow="ellipsis")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("in all", justify="right", style="bold", no_wrap=True)
    for number, turn in turns:
        words = [turn.transcript] if with_words else []
        table.add_row(str(number), *words, *_cells(turn), _ms(turn.response_time))
    if len(turns) > 1:
        table.add_section()
        words = [""] if with_words else []
        table.add_row("median", *words, *_medians([turn for _, turn in turns]), style="bold")
    console.print(table)


def print_figures(console: Console, figures: list[Figure]) -> None:
    """Print the engine's figures.

    Args:
        console: Where to print.
        figures: What to print.
    """
    table = Table(
        title="The engine",
        box=box.SIMPLE_HEAD,
        show_header=False,
        title_justify="left",
        title_style="bold",
    )
    table.add_column()
    table.add_column(justify="right", style="bold")
    for figure in figures:
        table.add_row(figure.name, figure.value)
    console.print(table)


def _cells(turn: Turn) -> list[str]:
    secs = {stage.name: stage.secs for stage in turn.stages()}
    return [_ms(secs.get(stage)) for stage in STAGES]


def _medians(turns: list[Turn]) -> list[str]:
    cells: list[str] = []
    for name in STAGES:
        secs = [stage.secs for turn in turns for stage in turn.stages() if stage.name == name]
        cells.append(_ms(median(secs) if secs else None))
    totals = [turn.response_time for turn in turns if turn.response_time is not None]
    return [*cells, _ms(median(totals) if totals else None)]


def _ms(secs: float | None) -> str:
    return "-" if secs is None else f"{secs * 1e3:.0f}"
