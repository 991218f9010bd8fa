"""The picture of a soak: what the server held, and how late its audio was, over time."""

from pathlib import Path
from typing import Any

_INK, _FAINT, _LINE = "#1d2429", "#8a949c", "#0b6e5f"


def draw(samples: list[dict[str, Any]], caption: str, path: Path) -> bool:
    """Write the picture as a PNG.

    Returns:
        False if matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    minutes = [sample["secs"] / 60 for sample in samples]
    panels = (
        ("memory, MB", [sample["rss_kb"] / 1024 for sample in samples]),
        ("descriptors", [sample["descriptors"] for sample in samples]),
        ("threads", [sample["threads"] for sample in samples]),
        ("share of a core", [sample["core"] for sample in samples]),
        ("behind schedule, p99, ms", [sample["behind_p99"] for sample in samples]),
    )
    figure, axes = plt.subplots(len(panels), 1, sharex=True, figsize=(10, 9), dpi=130)
    for axis, (title, values) in zip(axes, panels, strict=True):
        axis.plot(minutes, values, color=_LINE, linewidth=1.4)
        axis.set_ylim(0, max([*values, 1e-9]) * 1.25)
        axis.set_title(title, loc="left", fontsize=10, color=_INK)
        axis.grid(color="#e3e7ea", linewidth=0.8)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[-1].plot(
        minutes,
        [sample["own_late_p99"] for sample in samples],
        color=_FAINT,
        linewidth=1,
        label="the callers' own sends",
    )
    axes[-1].legend(frameon=False, fontsize=8, loc="upper right")
    axes[-1].set_xlabel("minutes", color=_INK)
    figure.suptitle(f"Soak: {caption}", x=0.01, ha="left", fontsize=11, color=_INK)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
    return True
