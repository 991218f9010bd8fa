"""The beginning of a run: processors are seated and set up, then the start frame leaves."""

from __future__ import annotations

import asyncio
import time

from pipecat_rs.frames.frames import StartFrame
from pipecat_rs.observers.base_observer import ProcessorSetUp
from pipecat_rs.pipeline.observer_side import ObserverSide
from pipecat_rs.pipeline.reached_filters import ReachedFilters
from pipecat_rs.processors.frame_processor import FrameProcessor, FrameProcessorSetup
from pipecat_rs.utils.asyncio.task_manager import BaseTaskManager, TaskManager
from pipecat_rs.utils.base_object import BaseObject
from pipecat_rs.workers.base_worker import WorkerParams


class SetUp(ObserverSide, ReachedFilters):
    """The set-up of a pipeline's worker."""

    async def _open_up(self, params: WorkerParams | None) -> None:
        assert self._loop is not None
        self._clock.start()
        # One of its own, so that what its processors started can be told from other tasks'.
        manager = self._given_task_manager or TaskManager()
        await BaseObject.setup(self, manager)
        await self._run_setup_files()
        self._open(self._loop, self._pipeline._layout(), self._mailbox_bound)
        self._seated = self._nodes_of_graph()
        entry, exit_ = self._edge_nodes()
        self._edges = (self._at(entry), self._at(exit_))
        await self._observer.setup(manager)
        self._update_taps()
        self._report_reached(*self._reached)
        self._begin_set_up(manager)
        frame = StartFrame(
            audio_in_sample_rate=self._params.audio_in_sample_rate,
            audio_out_sample_rate=self._params.audio_out_sample_rate,
            enable_metrics=self._params.enable_metrics,
            enable_tracing=self._enable_tracing,
            enable_usage_metrics=self._params.enable_usage_metrics,
            report_only_initial_ttfb=self._params.report_only_initial_ttfb,
            tracing_context=self._tracing.context if self._tracing is not None else None,
        )
        if self._params.start_metadata:
            frame.metadata.update(self._params.start_metadata)
        self._start_frame = frame
        self._begin(frame)
        if not self._setting_up:
            self._all_set_up()

    def _nodes_of_graph(self) -> list[tuple[str, FrameProcessor | None]]:
        named = {str(p): p for p in self._iter_processors(self._pipeline)}
        nodes: list[tuple[str, FrameProcessor | None]] = []
        for name, processor in super()._nodes():
            # A native node is a processor's own, or one end of a compound.
            nodes.append(
                (name, processor or named.get(name) or named.get(name.rpartition("::")[0]))
            )
        return nodes

    def _at(self, node: int | None) -> FrameProcessor:
        processor = self._seated[node][1] if node is not None else None
        return processor if processor is not None else self._pipeline

    def _begin_set_up(self, manager: BaseTaskManager) -> None:
        setup = FrameProcessorSetup(
            clock=self._clock,
            task_manager=manager,
            pipeline_worker=self,  # type: ignore[arg-type]
            audio_in_sample_rate=self._params.audio_in_sample_rate,
            audio_out_sample_rate=self._params.audio_out_sample_rate,
            enable_metrics=self._params.enable_metrics,
            enable_tracing=self._enable_tracing,
            enable_usage_metrics=self._params.enable_usage_metrics,
            observer=self._observer,
            report_only_initial_ttfb=self._params.report_only_initial_ttfb,
            tracing_context=self._tracing.context if self._tracing is not None else None,
            tool_resources=self._app_resources,
        )
        for processor in self._iter_processors(self._pipeline):
            if type(processor).setup is FrameProcessor.setup and processor._collector is None:
                # Nothing of its own to wait for: no coroutine, no task.
                processor._task_manager = manager
                processor._setup = setup
                processor._is_set_up = True
                processor._cancelling = False
                now = time.monotonic_ns()
                self._observer.processor_set_up(ProcessorSetUp(processor, now, now))
                continue
            processor._setup_started()
            self._setting_up.append(
                self.create_task(self._set_one_up(processor, setup), f"setup of {processor}")
            )

    async def _set_one_up(self, processor: FrameProcessor, setup: FrameProcessorSetup) -> None:
        begun = time.monotonic_ns()
        task = asyncio.current_task()
        try:
            await processor.setup(setup)
        except Exception as error:
            # The rest go on; this one is of no use.
            if processor._setup is None:
                await FrameProcessor.setup(processor, setup)
            await processor.push_error(
                f"Error setting up: {error}", exception=error, force_treat_as_permanent=True
            )
        self._observer.processor_set_up(ProcessorSetUp(processor, begun, time.monotonic_ns()))
        processor._setup_finished()
        if task in self._setting_up:
            self._setting_up.remove(task)
        if not self._setting_up:
            self._all_set_up()
