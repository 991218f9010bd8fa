"""Shows a call while it goes on: who speaks, what was understood, what is answered."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipecat_rs.demo.conversation import Conversation, Turn
from pipecat_rs.transports.local.audio_file import AudioFileTransport

CALLER_STYLE = "bold dodger_blue2"
BOT_STYLE = "bold sea_green3"
ALARM_STYLE = "bold red3"
QUIET_STYLE = "grey50"


class LiveView:
    """What is on the screen during a call.

    Finished lines of the conversation scroll away above; a few lines below them show the moment.
    Where the output is no terminal only the finished lines are printed.
    """

    def __init__(
        self, console: Console, transport: AudioFileTransport, conversation: Conversation
    ) -> None:
        """Initialize the view.

        Args:
            console: Where to show it.
            transport: The call.
            conversation: What has happened in it, as somebody else keeps it.
        """
        self._console = console
        self._transport = transport
        self._conversation = conversation
        self._callers_lines = 0
        self._bots_lines: dict[int, int] = {}
        self._began = time.monotonic()
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> LiveView:
        """Begin to show the moment."""
        self._began = time.monotonic()
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the moment off the screen and leave the conversation on it."""
        self._print_finished(everything=True)
        self._live.stop()

    def refresh(self) -> None:
        """Show how things stand."""
        self._print_finished()
        if self._console.is_terminal:
            self._live.update(self._moment(), refresh=True)

    # -- finished lines ----------------------------------------------------------------------

    def _print_finished(self, everything: bool = False) -> None:
        turns = self._conversation.turns
        for number, turn in enumerate(turns):
            last = number == len(turns) - 1
            if number == self._callers_lines and (turn.turn_ended_at or not last or everything):
                self._print_caller(turn)
                self._callers_lines += 1
            spoken = self._bots_lines.get(number, 0)
            over = not (last and self._conversation.bot_speaking) or everything
            if turn.playing and not spoken and over and turn.playing[-1].end is not None:
                self._print_bot(turn)
                self._bots_lines[number] = 1

    def _print_caller(self, turn: Turn) -> None:
        if turn.speech:
            words = turn.transcript or "(nothing was understood)"
            self._print(turn.speech[0].start, "caller", CALLER_STYLE, words)

    def _print_bot(self, turn: Turn) -> None:
        words = turn.spoken or turn.answer.strip()
        if turn.interrupted_at is not None:
            self._print(turn.playing[0].start, "bot", BOT_STYLE, f"{words} —")
            self._print(turn.interrupted_at, "", ALARM_STYLE, "✗ interrupted by the caller")
        else:
            self._print(turn.playing[0].start, "bot", BOT_STYLE, words)

    def _print(self, at: float, who: str, style: str, words: str) -> None:
        line = Table.grid(padding=(0, 1))
        line.add_column(width=8, justify="right")
        line.add_column(width=6)
        line.add_column(overflow="fold")
        stamp = Text(f"{at:6.1f} s", QUIET_STYLE)
        line.add_row(stamp, Text(who, style), Text(words, "" if who else style))
        self._console.print(line)

    # -- the moment --------------------------------------------------------------------------

    def _moment(self) -> Group:
        return Group("", self._speakers(), self._words(), self._progress())

    def _speakers(self) -> Text:
        state = self._conversation
        caller = ("● speaking", CALLER_STYLE) if state.caller_speaking else ("○ quiet", QUIET_STYLE)
        if state.bot_speaking:
            bot = ("● speaking", BOT_STYLE)
        elif state.thinking:
            bot = ("◐ thinking", "bold orange3")
        else:
            bot = ("○ quiet", QUIET_STYLE)
        line = Text("   caller ", CALLER_STYLE)
        line.append(f"{caller[0]:<14}", caller[1])
        line.append("bot ", BOT_STYLE)
        line.append(f"{bot[0]:<14}", bot[1])
        return line

    def _words(self) -> Text:
        turns = self._conversation.turns
        if not turns or len(turns) - 1 in self._bots_lines:
            return Text("")
        words = turns[-1].answer.strip() or turns[-1].transcript
        style = "italic sea_green3" if turns[-1].answer else "italic dodger_blue2"
        room = max(10, self._console.width - 8)
        return Text(f"   {words if len(words) <= room else '… ' + words[2 - room :]}", style)

    def _progress(self) -> Table:
        total = self._transport.source.duration
        position = self._transport.position
        row = Table.grid(padding=(0, 1))
        for _ in range(3):
            row.add_column()
        bar = ProgressBar(total=total, completed=min(position, total), width=44)
        spent = time.monotonic() - self._began
        pace = (
            f"{position / spent:.1f} times real time"
            if spent > 1 and self._transport.skipped
            else ""
        )
        after = "  the line is still open" if position > total else ""
        row.add_row(Text("  "), bar, Text(f"{_clock(position)} / {_clock(total)} {pace}{after}"))
        return row


def _clock(secs: float) -> str:
    minutes, seconds = divmod(int(secs), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
