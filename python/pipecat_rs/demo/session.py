"""One run of the demo: load the models, hold the call, report."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from pipecat_rs.audio.audio_file_reader import AudioFileError
from pipecat_rs.demo.call_observer import CallObserver
from pipecat_rs.demo.conversation import Conversation
from pipecat_rs.demo.figures import Figure, call_figures, measure_hop
from pipecat_rs.demo.live_view import LiveView
from pipecat_rs.demo.loading import load_models
from pipecat_rs.demo.report import print_figures, print_latencies
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.transports.local.audio_file import AudioFileTransport

REFRESH_SECS = 0.125

_OK, _BAD_INPUT, _FAILED, _INTERRUPTED = 0, 2, 1, 130

_SILENT_PEAK = 1e-3


@dataclass(frozen=True)
class DemoOptions:
    """What the user asked for.

    Attributes:
        input: The caller's side, an audio file.
        output: The folder for recording and picture.
        fast: Whether to leave out the time in which audio merely goes by.
        picture: Whether to draw the timeline.
    """

    input: Path
    output: Path
    fast: bool = False
    picture: bool = True


class DemoSession:
    """A run of the demo, which may be ended by Ctrl-C at any moment."""

    def __init__(self, options: DemoOptions, console: Console) -> None:
        """Initialize the session.

        Args:
            options: What the user asked for.
            console: Where to print.
        """
        self._options = options
        self._console = console
        self._transport: AudioFileTransport | None = None
        self._conversation = Conversation()
        self._figures: list[Figure] = []
        self._errors: list[str] = []
        self._held_secs = 0.0

    @property
    def recording(self) -> Path:
        """Where both sides of the call are recorded."""
        return self._options.output / f"{self._options.input.stem}-call.wav"

    @property
    def picture(self) -> Path:
        """Where the timeline is drawn."""
        return self._options.output / f"{self._options.input.stem}-call.png"

    def run(self) -> int:
        """Run the demo.

        Returns:
            The exit code: 0, 2 if the input cannot be used, 1 if the call failed, 130 after Ctrl-C.
        """
        try:
            self._transport = AudioFileTransport(
                self._options.input, self.recording, fast=self._options.fast
            )
        except AudioFileError as error:
            self._console.print(f"[bold red]Cannot use this file:[/] {escape(str(error))}")
            return _BAD_INPUT
        code = _OK
        self._introduce(self._transport)
        try:
            asyncio.run(self._hold_call(self._transport))
        except KeyboardInterrupt:
            self._console.print("\n[bold]Stopped.[/]")
            code = _INTERRUPTED
        try:
            self._report(self._transport)
        except KeyboardInterrupt:
            code = _INTERRUPTED
        return _FAILED if self._errors and code == _OK else code

    def _introduce(self, transport: AudioFileTransport) -> None:
        source = transport.source
        minutes, secs = divmod(source.duration, 60)
        length = f"{minutes:.0f} min {secs:.0f} s" if minutes else f"{secs:.1f} s"
        channels = {1: "mono", 2: "stereo"}.get(source.channels, f"{source.channels} channels")
        self._console.print(
            f"\n[bold]{escape(source.path.name)}[/]  {length}, {source.sample_rate} Hz, {channels} "
            f"({source.format})"
        )
        if source.missing > 0.05:
            self._console.print(
                f"[yellow]The file was cut off: its header promises {source.missing:.1f} s more. "
                "What is there will be used.[/]"
            )
        if source.duration > 120 and not self._options.fast:
            self._console.print(
                f"The call takes {length}, as a real one would. With --fast it takes less; "
                "Ctrl-C ends it at any time and keeps what was recorded."
            )

    async def _hold_call(self, transport: AudioFileTransport) -> None:
        # Imported late: an input file that cannot be used is told before all these imports.
        from pipecat_rs.demo.voice_agent import create_task

        task = create_task(transport)
        try:
            await load_models(self._console, task)
            await asyncio.sleep(0)  # A Ctrl-C that came while nothing awaited takes effect here.
        except asyncio.CancelledError:
            self._console.print("Stopping, when the models that are being read let go …")
            raise
        observer = CallObserver(transport)
        self._conversation = observer.conversation
        task.add_observer(observer)

        @task.event_handler("on_pipeline_error")
        async def on_pipeline_error(_task: object, frame: object) -> None:
            self._errors.append(str(getattr(frame, "error", frame)))

        began = time.monotonic()
        with LiveView(self._console, transport, observer.conversation) as view:
            refresher = asyncio.create_task(_refresh(view))
            try:
                await PipelineRunner(handle_sigint=False).run(task)
            finally:
                refresher.cancel()
                self._held_secs = time.monotonic() - began
                self._conversation.finish(transport.position)
                self._figures = call_figures(task, transport)
        self._figures.append(await measure_hop())

    def _report(self, transport: AudioFileTransport) -> None:
        for error in dict.fromkeys(self._errors):
            self._console.print(f"[bold red]Error:[/] {escape(error)}")
        if not transport.begun:
            self._console.print("The call had not begun: nothing was recorded.")
            return
        self._console.print()
        if not self._conversation.turns:
            self._explain_silence(transport)
        print_latencies(self._console, self._conversation)
        if self._figures:
            print_figures(self._console, self._figures)
        self._console.print(
            f"A call of {transport.position:.1f} s, held in {self._held_secs:.1f} s."
        )
        self._console.print(f"Both sides of it: [bold]{escape(str(self.recording))}[/]")
        if self._options.picture:
            self._draw_picture()

    def _explain_silence(self, transport: AudioFileTransport) -> None:
        if transport.source.peak < _SILENT_PEAK:
            self._console.print("[yellow]The file is silent: there was nothing to answer.[/]")
        else:
            self._console.print("[yellow]No speech was found in the file.[/]")

    def _draw_picture(self) -> None:
        from pipecat_rs.demo.timeline import draw_timeline, read_voices

        with self._console.status("drawing the timeline"):
            draw_timeline(
                self._conversation,
                read_voices(self.recording),
                self.picture,
                title=f"A call with pipecat_rs: {self._options.input.name}",
                notes=[f"{figure.name}: {figure.value}" for figure in self._figures],
            )
        self._console.print(f"Its timeline:      [bold]{escape(str(self.picture))}[/]")


async def _refresh(view: LiveView) -> None:
    while True:
        view.refresh()
        await asyncio.sleep(REFRESH_SECS)
