"""From figures to the table: what is compared, and the budget that each line has to meet."""

# ruff: noqa: RUF001 (the multiplication sign and the dash are meant)

import importlib.util
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import chain, product
from statistics import median
from typing import Any

OURS, THEIRS = "pipecat_rs", "pipecat"
# (package, event loop) -> figure name -> value
Values = Mapping[tuple[str, str], Mapping[str, float]]
Reading = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True)
class Budget:
    """A line's budget; every given bound has to hold.

    Parameters:
        ratio: Theirs divided by ours, at least; the other way round where more is better.
        most: Ours at most, in the unit of the line.
        least: Ours at least.
        floors: Ours at most this many times a plain await of the same coroutine.
    """

    ratio: float | None = None
    most: float | None = None
    floors: float | None = None
    least: float | None = None

    def text(self, unit: str) -> str:
        """How the table says it."""
        parts = []
        if self.most is not None:
            parts.append(f"≤ {self.most:g} {unit}".rstrip())
        if self.least is not None:
            parts.append(f"≥ {self.least:g} {unit}".rstrip())
        if self.floors is not None:
            parts.append(f"≤ {self.floors:g} × await")
        if self.ratio is not None:
            parts.append(f"≥ {self.ratio:g} ×")
        return ", ".join(parts)

    def met(self, ours: float, ratio: float | None, floor: float | None) -> bool | None:
        """Whether it holds; None if a number that it needs is missing."""
        verdicts = []
        if self.most is not None:
            verdicts.append(ours <= self.most)
        if self.least is not None:
            verdicts.append(ours >= self.least)
        if self.floors is not None:
            if floor is None:
                return None
            verdicts.append(ours <= self.floors * floor)
        if self.ratio is not None:
            if ratio is None and ours > 0:
                return None
            verdicts.append(ratio is None or ratio >= self.ratio)
        return all(verdicts)


@dataclass(frozen=True)
class Line:
    """One line of the table before it has numbers; one row for each of its event loops."""

    title: str
    unit: str
    read: Reading
    budget: Budget | None = None
    loops: tuple[str, ...] = ("asyncio",)
    more_is_better: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the table with its numbers."""

    group: str
    title: str
    loop: str
    unit: str
    ours: float | None
    theirs: float | None
    floor: float | None
    ratio: float | None
    budget: str
    verdict: str


def _value(name: str) -> Reading:
    return lambda figures: figures[name]


def _slope(prefix: str) -> Reading:
    return lambda figures: (figures[f"{prefix}.50"] - figures[f"{prefix}.10"]) / 40


def _entry(setup: str) -> Reading:
    # What a pipeline of the counting sink alone costs beyond the hop into it.
    hop = _slope(f"hop.{setup}")
    return lambda figures: figures[f"hop.{setup}.0"] - hop(figures)


def _each(setup: str, length: int) -> Reading:
    return lambda figures: figures[f"hop.{setup}.{length}"] / (length + 1)


BOTH = ("asyncio", "uvloop")
_BARE_HOP = Budget(ratio=20, floors=1.5)
_DEFAULT_HOP = Budget(ratio=30, floors=1.5)
_ENTRY = Budget(most=2)
_NO_TASKS = Budget(most=0)
_START = Budget(most=0.3)
_UVLOOP = ("uvloop",)
_MEGABYTE = Budget(most=1024)
_FLAT = Budget(most=1)

LINES = {
    "A hop through a Python processor, CPU": (
        Line("bulk, bare task", "µs", _slope("hop.bare"), _BARE_HOP, BOTH),
        Line("bulk, default task", "µs", _slope("hop.default"), _DEFAULT_HOP, BOTH),
        Line("1 processor, entry included, bare task", "µs", _each("bare", 1)),
        Line("10 processors, entry included, bare task", "µs", _each("bare", 10)),
        Line("50 processors, entry included, bare task", "µs", _each("bare", 50)),
        Line("10 processors, entry included, default task", "µs", _each("default", 10)),
        Line("bulk, direct mode", "µs", _slope("direct")),
        Line("suspends once on sleep(0)", "µs", _value("suspend.sleep0"), None, BOTH),
        Line("suspends once on a future", "µs", _value("suspend.future"), None, BOTH),
    ),
    "A frame, CPU": (
        Line("entering a bare task", "µs", _entry("bare"), _ENTRY),
        Line("entering a default task", "µs", _entry("default"), _ENTRY),
        Line("bot of 10, each with interest in one kind", "µs", _value("interest")),
        Line("fan-out to 8 branches", "µs", _value("parallel.8.alone"), Budget(ratio=30)),
        Line("switcher of 3 services", "µs", _value("switcher.3.alone"), Budget(ratio=30)),
    ),
    "Latency": (
        Line("one frame through 10, p50", "µs", _value("single.p50"), Budget(ratio=25), BOTH),
        Line("one frame through 10, p99", "µs", _value("single.p99"), None, BOTH),
        Line("interruption at the sink, p50", "µs", _value("interruption.sink.p50"), Budget(40)),
        Line("interruption at the sink, p99", "µs", _value("interruption.sink.p99")),
        Line("interruption in user code, p50", "µs", _value("interruption.code.p50")),
        Line("media thread's stall, mean", "µs", _value("stall.mean")),
        Line("media thread's stall, worst", "µs", _value("stall.max"), Budget(most=10)),
    ),
    "A session": (
        Line("import", "ms", _value("import.wall"), Budget(most=100)),
        Line("memory, 10 Python, bare", "KB", _value("idle.python_bare.kb"), Budget(most=60)),
        Line("memory, 10 Python, default", "KB", _value("idle.python_default.kb"), Budget(most=60)),
        Line("memory, 10 identity filters", "KB", _value("idle.identity_bare.kb"), Budget(most=20)),
        Line("asyncio tasks, bare", "", _value("idle.python_bare.tasks"), _NO_TASKS),
        Line("asyncio tasks, default", "", _value("idle.python_default.tasks"), _NO_TASKS),
        Line("CPU to start, bare", "ms", _value("idle.python_bare.start"), _START),
        Line("CPU to start, default", "ms", _value("idle.python_default.start"), _START),
    ),
    "Calls over WebSockets": (
        Line(
            "voice sessions a core, the package's server",
            "",
            _value("density.server.sessions"),
            Budget(least=400),
            _UVLOOP,
            more_is_better=True,
        ),
        Line(
            "voice sessions a core, transport in Python",
            "",
            _value("density.python.sessions"),
            Budget(least=200),
            _UVLOOP,
            more_is_better=True,
        ),
        Line("a session's share of a core", "%", _value("density.server.cpu"), None, _UVLOOP),
        Line("the same, transport in Python", "%", _value("density.python.cpu"), None, _UVLOOP),
        Line("memory of a session", "KB", _value("density.server.kb"), _MEGABYTE, _UVLOOP),
        Line(
            "the same, transport in Python", "KB", _value("density.python.kb"), _MEGABYTE, _UVLOOP
        ),
        *(
            Line(
                f"echo, {calls:,} calls, {share}",
                "ms",
                _value(f"echo.{calls}.{share}"),
                most,
                _UVLOOP,
            )
            for calls in (1, 50, 100, 250, 500, 1000)
            for share, most in (("p50", None), ("p99", _FLAT))
        ),
        Line(
            "audio late while Python blocks, p99.9",
            "ms",
            _value("paced.p999"),
            Budget(most=2),
            _UVLOOP,
        ),
        Line("time to silence, p99", "ms", _value("silence.p99"), Budget(most=5), _UVLOOP),
    ),
    "20 ms of audio, CPU": (
        Line("stream from 16 to 8 kHz", "µs", _value("dsp.resample.16000.8000.VHQ")),
        Line("stream from 8 to 16 kHz", "µs", _value("dsp.resample.8000.16000.VHQ")),
        Line("stream from 24 to 16 kHz", "µs", _value("dsp.resample.24000.16000.VHQ")),
        Line("stream from 24 to 8 kHz", "µs", _value("dsp.resample.24000.8000.VHQ")),
        Line("stream from 44.1 to 16 kHz", "µs", _value("dsp.resample.44100.16000.VHQ")),
        Line("a window of voice activity detection, alone", "µs", _value("vad.window")),
        Line("8 kHz to µ-law", "µs", _value("dsp.pcm_to_ulaw")),
        Line("µ-law to 8 kHz", "µs", _value("dsp.ulaw_to_pcm")),
        Line("8 kHz to A-law", "µs", _value("dsp.pcm_to_alaw")),
        Line("A-law to 8 kHz", "µs", _value("dsp.alaw_to_pcm")),
        Line("mixing two, 24 kHz", "µs", _value("dsp.mix_audio")),
        Line("interleaving two, 24 kHz", "µs", _value("dsp.interleave")),
        Line("background sound of a file, 24 kHz", "µs", _value("dsp.background")),
        Line("is it silence, 24 kHz", "µs", _value("dsp.is_silence")),
        Line("volume of 400 ms, 24 kHz", "µs", _value("dsp.volume")),
        Line("keys heard in 8 kHz", "µs", _value("dsp.dtmf")),
        Line("noise suppression, 16 kHz", "µs", _value("dsp.denoise")),
        Line("echo cancellation, 16 kHz", "µs", _value("dsp.echo")),
    ),
}


def put_together(figures: list[dict[str, Any]], middle: bool = False) -> Values:
    """One value for each figure out of all rounds.

    Args:
        figures: The JSON lines of the children with `package`, `loop` and `round`.
        middle: Take the median of the rounds whatever a figure asks for.
    """
    rounds: dict[tuple[str, str], dict[str, list[float]]] = {}
    how: dict[str, str] = {}
    for figure in figures:
        if figure["value"] is not None:
            how[figure["name"]] = figure["over_rounds"]
            of_loop = rounds.setdefault((figure["package"], figure["loop"]), {})
            of_loop.setdefault(figure["name"], []).append(figure["value"])
    ways = {"min": min, "median": median, "max": max}
    return {
        key: {
            name: (median if middle else ways[how[name]])(values)
            for name, values in of_loop.items()
        }
        for key, of_loop in rounds.items()
    }


def _read(values: Values, package: str, loop: str, line: Line) -> float | None:
    try:
        return line.read(values[package, loop])
    except KeyError:
        return None


def rows(values: Values) -> list[Row]:
    """The table. A line whose workload gave nothing for either package is left out."""
    made = []
    for group, lines in LINES.items():
        for line, loop in chain.from_iterable(product([line], line.loops) for line in lines):
            ours, theirs = _read(values, OURS, loop, line), _read(values, THEIRS, loop, line)
            if ours is not None or theirs is not None:
                floor = values.get((OURS, loop), {}).get("await_floor")
                made.append(_row(group, line, loop, ours, theirs, floor))
    return made


def _row(
    group: str, line: Line, loop: str, ours: float | None, theirs: float | None, floor: float | None
) -> Row:
    ratio = theirs / ours if theirs is not None and ours and ours > 0 else None
    if line.more_is_better:
        ratio = ours / theirs if theirs and ours is not None else None
    budget, verdict = "", ""
    if line.budget is not None:
        met = None if ours is None else line.budget.met(ours, ratio, floor)
        budget = line.budget.text(line.unit)
        verdict = {True: "PASS", False: "MISS", None: "not measured"}[met]
    return Row(group, line.title, loop, line.unit, ours, theirs, floor, ratio, budget, verdict)


def number(value: float | None, unit: str = "") -> str:
    """Three significant digits, with the unit."""
    if value is None:
        return "–"
    if value == int(value):
        return f"{value:,.0f} {unit}".rstrip()
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f} {unit}".rstrip()


def times(ratio: float | None) -> str:
    """A ratio as the table says it."""
    return "–" if ratio is None else f"{ratio:,.0f} ×" if ratio >= 9.95 else f"{ratio:.1f} ×"


_NUMBERS = (2, 3, 4)
HEADINGS = ("", "loop", "pipecat", "pipecat_rs", "ratio", "budget", "")


def cells(row: Row) -> tuple[str, ...]:
    """A row's texts, one for each heading."""
    return (
        row.title,
        row.loop,
        number(row.theirs, row.unit),
        number(row.ours, row.unit),
        times(row.ratio),
        row.budget,
        row.verdict,
    )


def markdown(made: list[Row]) -> str:
    """The table for a README."""
    lines, group = [], None
    for row in made:
        if row.group != group:
            group = row.group
            lines += ["", f"**{group}**", "", "| " + " | ".join(HEADINGS) + " |"]
            lines.append("|---|---|--:|--:|--:|---|---|")
        lines.append("| " + " | ".join(cells(row)) + " |")
    return "\n".join(lines).strip() + "\n"


def show(made: list[Row], title: str) -> None:
    """Print the table; with rich where it is installed, plain otherwise."""
    if importlib.util.find_spec("rich") is not None:
        _show_rich(made, title)
    else:
        _show_plain(made, title)


def _show_rich(made: list[Row], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for column, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if column in _NUMBERS else "left", no_wrap=True)
    group = None
    for row in made:
        if row.group != group:
            group = row.group
            table.add_section()
            table.add_row(f"[bold]{group}")
        style = {"PASS": "green", "MISS": "bold red"}.get(row.verdict, "")
        *texts, verdict = cells(row)
        table.add_row(*texts, f"[{style}]{verdict}" if style else verdict)
    # Where the output is no terminal rich assumes 80 columns, which would cut the table.
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _show_plain(made: list[Row], title: str) -> None:
    texts = [HEADINGS, *map(cells, made)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    print(title)
    group = None
    for index, line in enumerate(texts):
        if index and made[index - 1].group != group:
            group = made[index - 1].group
            print(f"\n{group}")
        print(
            "  ".join(
                text.rjust(width) if column in _NUMBERS else text.ljust(width)
                for column, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
        )


def as_json(made: list[Row]) -> list[dict[str, Any]]:
    """The rows as plain dictionaries."""
    return [asdict(row) for row in made]
