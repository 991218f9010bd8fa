"""The picture: how many times less than pipecat, one bar a line of the table."""

# ruff: noqa: RUF001 (the multiplication sign is meant)

from pathlib import Path

from report import Row, number

_COLOURS = ("#0b6e5f", "#2a6fb0", "#b0562a", "#6b4fa0")
_TITLE = "pipecat_rs beside pipecat-ai"
_SUBTITLE = (
    "How many times less the same Python code takes, both measured in one run (logarithmic scale)"
)
# Where the columns of absolute figures end, in widths of the axes.
_COLUMNS = {"pipecat": 1.13, "pipecat_rs": 1.26}
_INK, _FAINT = "#1d2429", "#8a949c"


def draw(made: list[Row], caption: str, path: Path) -> bool:
    """Write the picture as a PNG.

    Args:
        made: The table.
        caption: Machine and versions, set under the bars.
        path: Where to write.

    Returns:
        False if matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    # Of what runs on both loops, uvloop tells the same story again.
    on_asyncio = {(row.group, row.title) for row in made if row.loop == "asyncio"}
    shown = [
        row
        for row in made
        if (row.loop == "asyncio" or (row.group, row.title) not in on_asyncio)
        and row.theirs
        and row.ours is not None
    ]
    if not shown:
        return False
    groups = list(dict.fromkeys(row.group for row in shown))
    places, headings, y = [], [], 0.0
    for group in groups:
        headings.append(y)
        y += 1.0
        for row in shown:
            if row.group == group:
                places.append((y, row))
                y += 1.0
        y += 0.45

    plt.rcParams["font.family"] = ["DejaVu Sans"]
    figure, axes = plt.subplots(figsize=(12.5, 0.3 * y + 1.9), dpi=150)
    highest = max(row.ratio or 1 for row in shown)
    for place, row in places:
        ratio = row.ratio or 1
        colour = _COLOURS[groups.index(row.group) % len(_COLOURS)]
        axes.barh(place, ratio - 1, left=1, height=0.62, color=colour, linewidth=0)
        axes.text(
            max(ratio, 1) * 1.07,
            place,
            (
                "none left"
                if not row.ratio
                else f"{ratio:,.0f}×"
                if ratio >= 9.95
                else f"{ratio:.1f}×"
            ),
            va="center",
            fontsize=10,
            fontweight="bold",
            color=_INK,
        )
        for column, value in zip(_COLUMNS.values(), (row.theirs, row.ours), strict=True):
            axes.text(
                column,
                place,
                number(value, row.unit),
                transform=axes.get_yaxis_transform(),
                va="center",
                ha="right",
                fontsize=9.5,
                color=_INK,
            )
    for heading, column in _COLUMNS.items():
        axes.text(
            column,
            0,
            heading,
            transform=axes.get_yaxis_transform(),
            va="center",
            ha="right",
            fontsize=9.5,
            color=_FAINT,
        )
    for place, group in zip(headings, groups, strict=True):
        axes.text(
            -0.01,
            place,
            group,
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="center",
            fontsize=10,
            fontweight="bold",
            color=_COLOURS[groups.index(group) % len(_COLOURS)],
        )
    axes.set_yticks([place for place, _ in places], [row.title for _, row in places])
    axes.set_ylim(y - 0.4, -0.7)
    axes.set_xscale("log")
    axes.set_xlim(1, highest * 1.9)
    ticks = [tick for tick in (1, 10, 100, 1000, 10000) if tick <= highest]
    axes.set_xticks(ticks, [f"{tick:,}×" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="y", length=0, labelsize=9.5, labelcolor=_INK)
    axes.tick_params(axis="x", length=0, labelsize=9, labelcolor=_FAINT)
    axes.grid(axis="x", color="#e3e7ea", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
    inches = figure.get_figheight()
    for text, down, style in (
        (_TITLE, 0.13, {"fontsize": 16, "fontweight": "bold", "color": _INK}),
        (_SUBTITLE, 0.47, {"fontsize": 10.5, "color": _FAINT}),
        (caption, inches - 0.22, {"fontsize": 8, "color": _FAINT}),
    ):
        figure.text(0.012, 1 - down / inches, text, va="top", **style)
    figure.tight_layout(rect=(0.005, 0.22 / inches, 0.995, 1 - 0.7 / inches))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)
    return True
