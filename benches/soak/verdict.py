"""Whether a soak held: what may vary, and what may not."""

from statistics import median
from typing import Any

LATE_MS = 20.0
"""Audio behind its schedule by more than this is late."""
BUSY_CORE = 0.9
"""A server that takes so much of a core for its event loop may be late."""
DISTURBED_MS = 8.0
"""Callers whose own sends are this late are on a machine that others keep busy."""
LATE_SHARE = 0.01
"""Of the samples that may be late without an explanation."""
GROWTH_SHARE, GROWTH_KB = 0.05, 8 * 1024
DESCRIPTORS = 12
"""Calls that are being opened and closed while one counts."""
ANSWERED = 0.98
LEFT_DESCRIPTORS = 4


def _middle(samples: list[dict[str, Any]], name: str, begin: float, end: float) -> float:
    part = samples[int(len(samples) * begin) : max(int(len(samples) * end), 1)] or samples
    return median(sample[name] for sample in part)


def complaints(
    samples: list[dict[str, Any]],
    report: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> list[str]:
    """What did not hold.

    Args:
        samples: What was noted every five seconds.
        report: What the callers say of the whole run.
        before: The server before the first call.
        after: The server when all callers had gone.
    """
    found = []
    if len(samples) < 5:
        return [f"{len(samples)} samples are too few to tell; run it for longer"]
    # The first fifth fills caches and pools.
    early, late = (_middle(samples, "rss_kb", *part) for part in ((0.2, 0.4), (0.8, 1.0)))
    if late > early * (1 + GROWTH_SHARE) + GROWTH_KB:
        found.append(f"memory grows: from {early / 1024:.1f} to {late / 1024:.1f} MB")
    for name, slack in (("threads", 0), ("descriptors", DESCRIPTORS)):
        early, late = (_middle(samples, name, *part) for part in ((0.2, 0.4), (0.8, 1.0)))
        if late > early + slack:
            found.append(f"{name} grow: from {early:.0f} to {late:.0f}")
    unexplained = [sample for sample in samples if is_late(sample) and not explanation(sample)]
    if len(unexplained) > max(1, LATE_SHARE * len(samples)):
        worst = max(sample["behind_p99"] for sample in unexplained)
        found.append(
            f"audio is late in {len(unexplained)} of {len(samples)} samples, up to {worst:.0f} ms "
            "for one message in a hundred, and the load does not say why"
        )
    for manner, totals in report["manners"].items():
        reasons = ", ".join(f"{why} ({times})" for why, times in totals["reasons"].items())
        if totals["refused"]:
            found.append(f"{manner}: {totals['refused']} calls were refused: {reasons}")
        if totals["lost"]:
            found.append(f"{manner}: {totals['lost']} calls were lost: {reasons}")
    turns = report["all"]["answered"] + report["all"]["unanswered"]
    if turns == 0 or report["all"]["answered"] < ANSWERED * turns:
        found.append(f"{report['all']['answered']} of {turns} turns were answered to the end")
    if after["sessions"] != 0:
        found.append(f"{after['sessions']} sessions are left when all callers have gone")
    if after["descriptors"] > before["descriptors"] + LEFT_DESCRIPTORS:
        found.append(
            f"{after['descriptors']} descriptors are left, of {before['descriptors']} before"
        )
    return found


def is_late(sample: dict[str, Any]) -> bool:
    """Whether the bot's audio was late."""
    return sample["behind_p99"] > LATE_MS


def explanation(sample: dict[str, Any]) -> str:
    """Why audio may be late, or nothing."""
    if sample["core"] > BUSY_CORE:
        return "the server's core is full"
    if sample["own_late_p99"] > DISTURBED_MS:
        return "the machine is busy"
    return ""


def line(sample: dict[str, Any]) -> str:
    """A sample, for the terminal."""
    late = "  late: " + (explanation(sample) or "?") if is_late(sample) else ""
    return (
        f"{sample['secs']:5.0f} s  {sample['open']:3} calls  {sample['rss_kb'] / 1024:6.1f} MB  "
        f"{sample['threads']} threads  {sample['descriptors']} descriptors  "
        f"{sample['core']:4.0%} of a core  behind p99 {sample['behind_p99']:6.2f} ms  "
        f"own {sample['own_late_p99']:5.2f} ms{late}"
    )


def summary(
    samples: list[dict[str, Any]],
    report: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> str:
    """The run in a few lines."""
    behind, every = report["all"]["behind_ms"], report["all"]
    lines = [
        f"{len(samples)} samples; {every['opened']} calls, {every['messages_in']:,} messages of "
        f"audio heard, {every['messages_out']:,} sent",
        f"behind schedule: p50 {behind.get('p50', 0):.2f}, p99 {behind.get('p99', 0):.2f}, "
        f"p99.9 {behind.get('p999', 0):.2f}, worst {behind.get('max', 0):.1f} ms",
        f"answered: {every['answered']} of {every['answered'] + every['unanswered']} turns",
        "           before   20-40 %  80-100 %     after",
    ]
    for name, unit in (("rss_kb", 1024), ("threads", 1), ("descriptors", 1)):
        values = [
            before[name],
            _middle(samples, name, 0.2, 0.4),
            _middle(samples, name, 0.8, 1.0),
            after[name],
        ]
        label = "MB" if name == "rss_kb" else name
        lines.append(f"{label:<11}" + "  ".join(f"{value / unit:8.1f}" for value in values))
    return "\n".join(lines)
