"""The second picture: calls over WebSockets, as curves."""

from pathlib import Path
from typing import Any

from report import OURS, THEIRS

_INK, _FAINT, _GRID = "#1d2429", "#8a949c", "#e3e7ea"
_COLOURS = {THEIRS: "#b0562a", OURS: "#0b6e5f"}
_DASHES = {"server": "-", "python": "--"}
_WAYS = {"server": "its own server", "python": "transport in Python"}
_LEAST_MS = 0.05
"""What is less is drawn as this: the axes are logarithmic."""


def draw(figures: list[dict[str, Any]], caption: str, path: Path) -> bool:
    """Write the picture as a PNG.

    Args:
        figures: The figures of all children, with their details.
        caption: Machine and versions.
        path: Where to write.

    Returns:
        False if there is nothing to draw, or matplotlib is not installed.
    """
    details = _details(figures)
    if not details:
        return False
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["font.family"] = ["DejaVu Sans"]
    figure, axes = plt.subplots(2, 2, figsize=(12.5, 9), dpi=150)
    _density(axes[0][0], details)
    _shares(axes[0][1], details)
    _echo(axes[1][0], details)
    _paced(axes[1][1], details)
    for axis in axes.flat:
        axis.grid(color=_GRID, linewidth=0.8)
        axis.set_axisbelow(True)
        axis.tick_params(labelsize=8.5, labelcolor=_INK)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(frameon=False, fontsize=8.5)
    figure.text(0.012, 0.985, "Calls over WebSockets", va="top", fontsize=16, fontweight="bold")
    figure.text(
        0.012,
        0.95,
        "The same bots on either package; the server has one core, its callers another",
        va="top",
        fontsize=10.5,
        color=_FAINT,
    )
    figure.text(0.012, 0.01, caption, fontsize=8, color=_FAINT)
    figure.tight_layout(rect=(0.005, 0.03, 0.995, 0.925))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)
    return True


def _details(figures: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    """(figure name, package) -> its detail in the last round that has one."""
    wanted = ("density.", "echo.curve", "paced.count")
    return {
        (figure["name"], figure["package"]): figure["detail"]
        for figure in figures
        if figure.get("detail") and figure["name"].startswith(wanted)
    }


def _curves(details: dict[tuple[str, str], Any]) -> list[tuple[str, str, Any]]:
    """(package, way, points) of the sessions."""
    return [
        (package, way, details[f"density.{way}.sessions", package])
        for package in (THEIRS, OURS)
        for way in _WAYS
        if (f"density.{way}.sessions", package) in details
    ]


def _density(axis: Any, details: dict[tuple[str, str], Any]) -> None:
    for package, way, points in _curves(details):
        axis.plot(
            [point["sessions"] for point in points],
            [max(point["late_p99"], _LEAST_MS) for point in points],
            _DASHES[way],
            marker="o",
            markersize=3.5,
            color=_COLOURS[package],
            label=f"{package}, {_WAYS[way]}",
        )
    axis.axhline(20, color=_FAINT, linewidth=1)
    _numbers(axis)
    axis.set_yscale("log")
    _title(axis, "Lateness of the bot's audio, p99", "voice sessions with Silero on one core", "ms")


def _shares(axis: Any, details: dict[tuple[str, str], Any]) -> None:
    for package, way, points in _curves(details):
        axis.plot(
            [point["sessions"] for point in points],
            [100 * point["core"] for point in points],
            _DASHES[way],
            marker="o",
            markersize=3.5,
            color=_COLOURS[package],
            label=f"{package}, {_WAYS[way]}",
        )
    _numbers(axis)
    axis.set_ylim(0, 105)
    _title(axis, "Share of the core", "voice sessions with Silero on one core", "%")


def _echo(axis: Any, details: dict[tuple[str, str], Any]) -> None:
    for package in (THEIRS, OURS):
        points = details.get(("echo.curve", package)) or []
        for name, dash in (("p99", "-"), ("p50", ":")):
            drawn = [point for point in points if name in point]
            axis.plot(
                [point["calls"] for point in drawn],
                [point[name] for point in drawn],
                dash,
                marker="o",
                markersize=3.5,
                color=_COLOURS[package],
                label=f"{package}, {name}",
            )
    axis.set_xscale("log")
    axis.set_yscale("log")
    _title(axis, "Echo: audio there and back", "calls on one core, 50 messages a second each", "ms")


def _paced(axis: Any, details: dict[tuple[str, str], Any]) -> None:
    for package in (THEIRS, OURS):
        histogram = details.get(("paced.count", package))
        if not histogram:
            continue
        bounds, bins = histogram["bounds_ms"], histogram["bins"]
        whole = sum(bins)
        later, left = [], whole
        for count in bins[: len(bounds)]:
            left -= count
            later.append(100 * left / whole)
        axis.step(bounds, later, where="post", color=_COLOURS[package], label=package)
    axis.set_xscale("log")
    axis.set_ylim(0, 105)
    _title(
        axis,
        "Paced audio while Python blocks 200 ms each second",
        "behind the absolute schedule by more than, ms",
        "% of messages",
    )


def _numbers(axis: Any) -> None:
    axis.set_xscale("log")
    ticks = (5, 10, 20, 50, 100, 200, 500, 1000)
    low, high = axis.get_xlim()
    axis.set_xticks([tick for tick in ticks if low <= tick <= high])
    axis.set_xticks([], minor=True)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _title(axis: Any, title: str, x: str, y: str) -> None:
    axis.set_title(title, loc="left", fontsize=11, fontweight="bold", color=_INK)
    axis.set_xlabel(x, fontsize=9, color=_INK)
    axis.set_ylabel(y, fontsize=9, color=_INK)
