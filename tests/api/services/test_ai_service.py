"""What all services have in common."""

import pytest
from pipecat_rs.frames.frames import (
    ErrorFrame,
    Frame,
    MetricsFrame,
    ServiceMetadataFrame,
    ServiceSwitcherRequestMetadataFrame,
    StartFrame,
    TextFrame,
)
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.ai_service import AIService
from pipecat_rs.services.settings import ServiceSettings
from support.passage import kinds, passage, passed


class Service(AIService):
    """Notes its life, and pushes all frames on."""

    handles = (*AIService.handles, TextFrame)

    def __init__(self, fails: bool = False, **kwargs) -> None:
        super().__init__(settings=ServiceSettings(model="m1"), **kwargs)
        self.life: list[str] = []
        self.fails = fails

    def service_metadata_frame(self) -> ServiceMetadataFrame:
        return ServiceMetadataFrame(service_name=self.name)

    async def start(self, frame) -> None:
        await super().start(frame)
        self.life.append("start")
        if self.fails:
            raise OSError("no connection")

    async def stop(self, frame) -> None:
        self.life.append("stop")

    async def cancel(self, frame) -> None:
        self.life.append("cancel")

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


async def test_it_starts_and_stops():
    service = Service()
    await passed(service, frames=[])
    assert service.life == ["start", "stop"]


async def test_it_is_cancelled():
    service = Service()
    async with passage(service) as ways:
        await ways.task.cancel()
        await ways.run
    assert service.life == ["start", "cancel"]


async def test_what_it_says_about_itself_follows_the_start_both_ways():
    async with passage(Service()) as ways:
        await ways.up.wait_for(ServiceMetadataFrame)
        await ways.down.wait_for(ServiceMetadataFrame)
        await ways.end()
    down = kinds(ways.down.frames())
    assert down.index(StartFrame) < down.index(ServiceMetadataFrame)


async def test_it_says_it_again_when_a_switcher_asks():
    service = Service()
    async with passage(service) as ways:
        await ways.send(ServiceSwitcherRequestMetadataFrame(service=service))
        await ways.down.wait_for(ServiceMetadataFrame, count=2)
        await ways.end()


async def test_a_start_that_fails_is_an_error_and_the_pipeline_starts():
    async with passage(Service(fails=True)) as ways:
        error = await ways.up.wait_for(ErrorFrame)
        await ways.send(TextFrame("a"))
        await ways.end()
    assert "no connection" in error.error
    assert TextFrame in kinds(ways.went_down())


async def test_a_generator_pushes_frames_and_reports_errors():
    class Generating(Service):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            if isinstance(frame, TextFrame):
                await self.process_generator(self.generate())
            else:
                await super().process_frame(frame, direction)

        async def generate(self):
            yield TextFrame("one")
            yield None
            yield ErrorFrame("went wrong")
            yield TextFrame("two")

    async with passage(Generating()) as ways:
        await ways.send(TextFrame("go"))
        error = await ways.up.wait_for(ErrorFrame)
        await ways.end()
    assert [f.text for f in ways.went_down() if isinstance(f, TextFrame)] == ["one", "two"]
    assert error.error == "went wrong"


async def test_metrics_carry_the_model():
    service = Service()
    service.can_generate_metrics = lambda: True
    async with passage(service) as ways:
        service.processor_setup.enable_metrics = True
        await service.start_ttfb_metrics()
        await service.stop_ttfb_metrics()
        changed = await service._update_settings(ServiceSettings(model="m2"))
        await service.start_ttfb_metrics()
        await service.stop_ttfb_metrics()
        await ways.down.wait_for(MetricsFrame, count=2)
        await ways.end()
    models = [d.model for f in ways.down.frames(MetricsFrame) for d in f.data]
    assert [m for m in models if m in ("m1", "m2")][-2:] == ["m1", "m2"]
    assert changed == {"model": "m1"}


def test_an_argument_that_became_a_setting_is_warned_of():
    class Moved(Service):
        def __init__(self, voice=None) -> None:
            super().__init__()
            if voice:
                self._warn_init_param_moved_to_settings("voice", "voice")

    with pytest.warns(DeprecationWarning, match=r"Moved\(voice=\.\.\.\)"):
        Moved(voice="alice")
