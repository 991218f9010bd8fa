"""Draws a call as a picture: both voices over time, the interruption, and where the time went."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipecat_rs.demo.conversation import STAGES, Conversation, Turn

if TYPE_CHECKING:
    import numpy as np

INK = "#1f2933"
MUTED = "#7b8794"
GRID = "#e4e7eb"
PAPER = "#fbfbfa"
CALLER = "#2f6fde"
BOT = "#12997a"
ALARM = "#e0453a"
STAGE_COLOURS: dict[str, str] = dict(
    zip(STAGES, ("#8d6fd1", "#b9b4c7", "#f0a93b", "#56b6c6", "#12997a"), strict=True)
)

_ENVELOPE_POINTS = 1400
_MIN_ROW_SECS = 20.0
_MAX_ROWS = 6
_MAX_BARS = 12
_READABLE_ROW_SECS = 75.0  # Words in a row that is longer than this would lie over each other.
_CHARS_A_SECOND_AT_30 = 6.2  # How many letters fit under a second of a row that is 30 s long.


@dataclass(frozen=True)
class Voices:
    """The loudness of both sides over time, for drawing.

    Attributes:
        caller: Peak values, 0 to 1, evenly spread over the call.
        bot: The same for the bot.
        duration: Of the call, in seconds.
    """

    caller: np.ndarray
    bot: np.ndarray
    duration: float


def read_voices(recording: Path) -> Voices:
    """Read the loudness of both sides from the recording of a call.

    The file is read piece by piece, so that a call may be long.

    Args:
        recording: A stereo WAV, the caller on the left.
    """
    import numpy as np
    import soundfile

    with soundfile.SoundFile(recording) as file:
        size = max(1, -(-file.frames // (_ENVELOPE_POINTS * _MAX_ROWS)))
        peaks = [
            np.abs(block).max(axis=0)
            for block in file.blocks(size, dtype="float32", always_2d=True)
        ]
        duration = file.frames / file.samplerate
    envelope = np.array(peaks) if peaks else np.zeros((1, 2), np.float32)
    return Voices(envelope[:, 0], envelope[:, -1], duration)


def draw_timeline(
    conversation: Conversation, voices: Voices, output: Path, *, title: str, notes: list[str]
) -> None:
    """Draw the picture.

    Args:
        conversation: What happened.
        voices: What it sounded like.
        output: The PNG to write.
        title: Printed above.
        notes: Short lines for the corner: figures of the engine, say.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    duration = max(voices.duration, 1.0)
    rows = min(_MAX_ROWS, max(1, round(duration / 45)))
    row_secs = max(duration / rows, _MIN_ROW_SECS)
    bars = [turn for turn in conversation.turns if turn.stages()][-_MAX_BARS:]
    bars_height = 0.6 + 0.34 * max(len(bars), 2)
    heights = [0.7] + [3.9 if row_secs <= _READABLE_ROW_SECS else 2.4] * rows + [bars_height]
    figure = Figure(figsize=(15, sum(heights) + 0.5), dpi=130, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        len(heights), 1, height_ratios=heights, gridspec_kw={"hspace": 0.38}
    ).tolist()
    figure.subplots_adjust(left=0.065, right=0.975, top=0.975, bottom=0.065)
    _draw_header(axes[0], title, conversation, duration)
    for row in range(rows):
        axis = axes[1 + row]
        _draw_lanes(axis, conversation, voices, row * row_secs, row_secs, duration)
    _draw_stages(axes[-1], bars, conversation, notes)
    figure.savefig(output, facecolor=PAPER)


def _draw_header(axis: Any, title: str, conversation: Conversation, duration: float) -> None:
    axis.axis("off")
    axis.text(0, 0.9, title, parse_math=False, fontsize=19, weight="bold", color=INK, va="top")
    times = [turn.response_time for turn in conversation.turns if turn.response_time is not None]
    interruptions = sum(turn.interrupted_at is not None for turn in conversation.turns)
    facts = [f"{duration:.0f} s", _counted(len(conversation.turns), "turn")]
    if interruptions:
        facts.append(_counted(interruptions, "interruption"))
    if times:
        middle = sorted(times)[len(times) // 2]
        facts.append(f"the bot answers {middle:.1f} s after the caller's last word")
    axis.text(0, 0.1, "  ·  ".join(facts), fontsize=11.5, color=MUTED, va="top")


def _draw_lanes(
    axis: Any,
    conversation: Conversation,
    voices: Voices,
    start: float,
    length: float,
    duration: float,
) -> None:
    end = start + length
    axis.set_xlim(start, end)
    axis.set_ylim(-2.9, 2.6)
    axis.set_facecolor(PAPER)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(GRID)
    axis.tick_params(axis="x", colors=MUTED, length=0, labelsize=9)
    axis.xaxis.set_major_formatter(lambda secs, _: f"{secs:g} s")
    axis.set_yticks([1, -1], ["caller", "bot"], fontsize=12, weight="bold")
    axis.tick_params(axis="y", length=0, pad=8)
    for label, colour in zip(axis.get_yticklabels(), (CALLER, BOT), strict=True):
        label.set_color(colour)
    axis.grid(axis="x", color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    if end > duration:
        axis.axvspan(duration, end, color="#f1f1ee", zorder=0, linewidth=0)
    for centre, loudness, colour in ((1, voices.caller, CALLER), (-1, voices.bot, BOT)):
        axis.axhline(centre, color=colour, alpha=0.35, linewidth=0.8, zorder=1)
        _draw_voice(axis, loudness, duration, centre, colour, start, end)
    for turn in conversation.turns:
        _draw_turn(axis, turn, start, end)


def _draw_voice(
    axis: Any, loudness: Any, duration: float, centre: float, colour: str, start: float, end: float
) -> None:
    import numpy as np

    at = np.linspace(0, duration, len(loudness), endpoint=False)
    shown = (at >= start) & (at < end)
    # The square root lifts quiet speech to where the eye sees it.
    height = 0.62 * np.sqrt(loudness[shown] / max(float(loudness.max()), 0.05))
    axis.fill_between(
        at[shown], centre - height, centre + height, color=colour, linewidth=0, alpha=0.9, zorder=3
    )


def _draw_turn(axis: Any, turn: Turn, start: float, end: float) -> None:
    for span in turn.speech:
        _draw_band(axis, span.start, span.end, 1, CALLER)
    for span in turn.playing:
        _draw_band(axis, span.start, span.end, -1, BOT)
    for stage in turn.stages():
        if stage.end > start and stage.start < end:
            axis.fill_betweenx(
                (-0.14, 0.14),
                stage.start,
                stage.end,
                color=STAGE_COLOURS[stage.name],
                linewidth=0,
                zorder=4,
            )
    words = end - start <= _READABLE_ROW_SECS
    if turn.interrupted_at is not None and start <= turn.interrupted_at < end:
        _draw_interruption(axis, turn.interrupted_at, end - start, words)
    if words:
        _write_turn(axis, turn, start, end)


def _write_turn(axis: Any, turn: Turn, start: float, end: float) -> None:
    letters = _CHARS_A_SECOND_AT_30 * 30 / (end - start)
    if turn.speech and turn.transcript and start <= turn.speech[0].start < end:
        first, last = turn.speech[0].start, turn.speech[-1].end or end
        room = (last - first + 3.5) * letters
        _write(axis, first, 1.86, f"“{turn.transcript}”", room, CALLER, end)
    words = turn.spoken or turn.answer.strip()
    if turn.playing and words and start <= turn.playing[0].start < end:
        first, last = turn.playing[0].start, turn.playing[-1].end or end
        cut = " …" if turn.interrupted_at is not None else ""
        room = max(last - first, 4.0) * letters
        _write(axis, first, -1.86, f"“{words}{cut}”", room, BOT, end)
    if turn.response_time is None or turn.heard_at is None or not start <= turn.heard_at < end:
        return
    beside = turn.heard_at + 0.004 * (end - start)
    label = f"{turn.response_time:.2f} s"
    axis.text(beside, 0, label, fontsize=9, color=INK, va="center", zorder=5)


def _draw_band(axis: Any, start: float, end: float | None, centre: float, colour: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    axis.add_patch(
        FancyBboxPatch(
            (start, centre - 0.7),
            max((end if end is not None else start) - start, 0.05),
            1.4,
            boxstyle="round,pad=0,rounding_size=0.12",
            mutation_aspect=1.0,
            facecolor=colour,
            edgecolor="none",
            alpha=0.13,
            zorder=2,
        )
    )


def _draw_interruption(axis: Any, at: float, length: float, words: bool) -> None:
    axis.plot([at, at], [-1.7, 1.7], color=ALARM, linewidth=1.6, linestyle=(0, (4, 2)), zorder=6)
    axis.plot([at], [-1.0], marker="X", color=ALARM, markersize=9, markeredgecolor=PAPER, zorder=7)
    if not words:
        return
    axis.text(
        at - 0.004 * length,
        -0.14,
        "interrupted",
        color=ALARM,
        fontsize=10,
        weight="bold",
        ha="right",
        va="top",
        zorder=7,
    )


def _write(
    axis: Any, at: float, y: float, text: str, letters: float, colour: str, edge: float
) -> None:
    width = max(12, int(letters))
    lines = textwrap.wrap(text, width=width, max_lines=3, placeholder=" …”")
    left, right = axis.get_xlim()
    needed = max(map(len, lines)) / (_CHARS_A_SECOND_AT_30 * 30 / (right - left))
    fits = at + needed <= edge
    axis.text(
        at if fits else edge,
        y,
        "\n".join(lines),
        fontsize=9.5,
        color=colour,
        ha="left" if fits else "right",
        va="bottom" if y > 0 else "top",
        style="italic",
        linespacing=1.25,
        parse_math=False,
        zorder=5,
    )


def _draw_stages(
    axis: Any, turns: list[Turn], conversation: Conversation, notes: list[str]
) -> None:
    axis.set_facecolor(PAPER)
    for side in ("top", "right", "left", "bottom"):
        axis.spines[side].set_visible(False)
    axis.tick_params(length=0, colors=MUTED, labelsize=9)
    axis.set_title(
        "From the caller's last word to the first sound of the answer",
        loc="left",
        fontsize=11.5,
        weight="bold",
        color=INK,
        pad=10,
    )
    for place, note in enumerate(notes):
        axis.annotate(
            note,
            (1, 1),
            xycoords="axes fraction",
            xytext=(0, -4 - 15 * place),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=9.5,
            color=MUTED,
        )
    if not turns:
        axis.set_yticks([])
        axis.set_xticks([])
        axis.text(0, 0.5, "No turn was answered.", color=MUTED, transform=axis.transAxes)
        return
    longest = max(sum(stage.secs for stage in turn.stages()) for turn in turns)
    axis.set_xlim(0, longest * 1.6)
    axis.set_ylim(len(turns) - 0.4, -0.6)
    axis.set_yticks(
        range(len(turns)),
        [f"turn {conversation.turns.index(turn) + 1}" for turn in turns],
        fontsize=10,
    )
    axis.set_xticks([])
    for place, turn in enumerate(turns):
        left = 0.0
        for stage in turn.stages():
            axis.barh(place, stage.secs, left=left, height=0.62, color=STAGE_COLOURS[stage.name])
            if stage.secs > 0.055 * longest:
                axis.text(
                    left + stage.secs / 2,
                    place,
                    f"{stage.secs * 1e3:.0f}",
                    ha="center",
                    va="center",
                    fontsize=9,
                    color="white",
                    weight="bold",
                )
            left += stage.secs
        axis.text(
            left + 0.01 * longest,
            place,
            f"{left * 1e3:.0f} ms",
            va="center",
            fontsize=9.5,
            color=INK,
        )
    _draw_legend(axis)


def _draw_legend(axis: Any) -> None:
    from matplotlib.patches import Patch

    names = {
        "transcript": "until the transcript",
        "turn over": "until it is clear that the caller has finished",
        "first token": "until the model's first word",
        "first audio": "until the voice's first sound",
        "audio out": "until it is played",
    }
    axis.legend(
        handles=[Patch(color=STAGE_COLOURS[stage], label=names[stage]) for stage in STAGES],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.02),
        ncols=5,
        frameon=False,
        fontsize=9.5,
        labelcolor=INK,
        handlelength=1.1,
        handleheight=1.0,
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
