"""The measuring side of a frame processor: time to first byte, processing time, usage.

Each measure is kept only if the processor says that it can (`can_generate_metrics`) and the
task's parameters switch it on, and leaves as a MetricsFrame downstream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipecat_rs.frames.frames import Frame, TTSAudioRawFrame
    from pipecat_rs.metrics.metrics import LLMTokenUsage, MetricsData, STTUsage
    from pipecat_rs.processors.metrics.frame_processor_metrics import FrameProcessorMetrics


class ProcessorMetrics:
    """Mixin of `FrameProcessor` with pipecat's measuring methods."""

    _collector: FrameProcessorMetrics | None = None
    _interrupts_plainly: bool = True
    _setup: Any = None

    @property
    def _metrics(self) -> FrameProcessorMetrics:
        # Made when somebody measures: most processors never do.
        if self._collector is None:
            from pipecat_rs.processors.metrics.frame_processor_metrics import FrameProcessorMetrics

            self._adopt_metrics(FrameProcessorMetrics())
        assert self._collector is not None
        return self._collector

    def _adopt_metrics(self, collector: FrameProcessorMetrics) -> None:
        self._collector = collector
        self._interrupts_plainly = False  # there are measures to stop
        collector.set_processor_name(self.name)  # type: ignore[attr-defined]

    @property
    def metrics_enabled(self) -> bool:
        """Whether the task collects performance metrics."""
        return bool(self._setup and self._setup.enable_metrics)

    @property
    def usage_metrics_enabled(self) -> bool:
        """Whether the task collects usage metrics."""
        return bool(self._setup and self._setup.enable_usage_metrics)

    @property
    def report_only_initial_ttfb(self) -> bool:
        """Whether only the first time to first byte is reported."""
        return bool(self._setup and self._setup.report_only_initial_ttfb)

    def can_generate_metrics(self) -> bool:
        """Return whether this processor can measure itself. Services override this."""
        return False

    def _measures(self) -> bool:
        return self.metrics_enabled and self.can_generate_metrics()

    def _measures_usage(self) -> bool:
        return self.usage_metrics_enabled and self.can_generate_metrics()

    async def _push_metrics(self, frame: Frame | None) -> None:
        if frame is not None:
            await self.push_frame(frame)  # type: ignore[attr-defined]

    def set_core_metrics_data(self, data: MetricsData) -> None:
        """Set what every measure of this processor carries."""
        self._metrics.set_core_metrics_data(data)

    async def start_ttfb_metrics(self, *, start_time: float | None = None) -> None:
        """Begin to measure the time to first byte.

        Args:
            start_time: When it began, in seconds of `time.time`, or None for now.
        """
        if self._measures():
            await self._metrics.start_ttfb_metrics(
                start_time=start_time, report_only_initial_ttfb=self.report_only_initial_ttfb
            )

    async def cancel_ttfb_metrics(self) -> None:
        """Give the measure of time to first byte up without a report."""
        if self._measures():
            await self._metrics.cancel_ttfb_metrics()

    async def stop_ttfb_metrics(self, *, end_time: float | None = None) -> None:
        """End the measure of time to first byte and push it."""
        if self._measures():
            await self._push_metrics(await self._metrics.stop_ttfb_metrics(end_time=end_time))

    async def process_ttfa_metrics(self, frame: TTSAudioRawFrame) -> None:
        """Look for the first audible sample in a frame of speech and push the time to it."""
        if self._measures():
            await self._push_metrics(
                await self._metrics.process_ttfa_metrics(
                    audio=frame.audio,
                    sample_rate=frame.sample_rate,
                    num_channels=frame.num_channels,
                )
            )

    async def stop_ttfat_metrics(self, *, end_time: float | None = None) -> None:
        """End the measure of time to the first answer token and push it."""
        if self._measures():
            await self._push_metrics(await self._metrics.stop_ttfat_metrics(end_time=end_time))

    async def start_processing_metrics(self, *, start_time: float | None = None) -> None:
        """Begin to measure the processing time."""
        if self._measures():
            await self._metrics.start_processing_metrics(start_time=start_time)

    async def stop_processing_metrics(self, *, end_time: float | None = None) -> None:
        """End the measure of processing time and push it."""
        if self._measures():
            await self._push_metrics(await self._metrics.stop_processing_metrics(end_time=end_time))

    async def start_llm_usage_metrics(self, tokens: LLMTokenUsage) -> None:
        """Push how many tokens a language model used."""
        if self._measures_usage():
            await self._push_metrics(await self._metrics.start_llm_usage_metrics(tokens))

    async def start_stt_usage_metrics(self, usage: STTUsage) -> None:
        """Push how much audio a speech recogniser used."""
        if self._measures_usage():
            await self._push_metrics(await self._metrics.start_stt_usage_metrics(usage))

    async def start_tts_usage_metrics(self, text: str) -> None:
        """Push how many characters a voice used."""
        if self._measures_usage():
            await self._push_metrics(await self._metrics.start_tts_usage_metrics(text))

    async def start_text_aggregation_metrics(self) -> None:
        """Begin to measure how long text is gathered."""
        if self._measures():
            await self._metrics.start_text_aggregation_metrics()

    async def stop_text_aggregation_metrics(self) -> None:
        """End the measure of gathering text and push it."""
        if self._measures():
            await self._push_metrics(await self._metrics.stop_text_aggregation_metrics())

    async def stop_all_metrics(self) -> None:
        """End and push every measure that runs."""
        if self._measures():
            await self.stop_ttfb_metrics()
            await self.stop_processing_metrics()
            await self.stop_text_aggregation_metrics()
