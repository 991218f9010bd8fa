"""What a bot does is put together of what its parts do."""

import pytest
from pipecat_rs.pipeline.capabilities import BotCapabilities
from pipecat_rs.pipeline.task import PipelineParams
from pipecat_rs.transports.base_input import BaseInputTransport
from pipecat_rs.transports.base_output import BaseOutputTransport
from pipecat_rs.transports.base_transport import TransportParams, VideoInSourceParams
from support.tasks import task_of


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (None, None, None),
        (None, False, False),
        (False, False, False),
        (True, False, True),
        (False, True, True),
        (True, None, True),
    ],
)
def test_both_parts_do_what_either_does(one: bool | None, other: bool | None, both: bool | None):
    combined = BotCapabilities(audio_in=one).combine(BotCapabilities(audio_in=other))
    assert combined == BotCapabilities(audio_in=both)


def test_what_is_known_wins_over_what_was_derived():
    derived = BotCapabilities(audio_in=True, video_in=True)
    told = BotCapabilities(video_in=False, metrics=True)
    assert derived.override(told) == BotCapabilities(audio_in=True, video_in=False, metrics=True)
    assert derived == BotCapabilities(audio_in=True, video_in=True)


def test_it_goes_to_clients_as_a_dictionary():
    assert BotCapabilities(screen_in=False).model_dump(exclude_none=True) == {"screen_in": False}


class Camera(BaseInputTransport):
    """Captures the sources it is told to."""

    def _supports_video_in_source(self, video_source: str) -> bool:
        return True


@pytest.mark.parametrize(
    ("transport", "sources", "screen_in"),
    [
        (BaseInputTransport, ["camera"], None),
        (Camera, [], None),
        (Camera, ["camera"], False),
        (Camera, ["camera", "screenVideo"], True),
    ],
)
def test_a_screen_is_received_if_it_is_captured(
    transport: type[BaseInputTransport], sources: list[str], screen_in: bool | None
):
    params = TransportParams(
        video_in_enabled=True,
        video_in_sources={source: VideoInSourceParams() for source in sources},
    )
    assert transport(params).capabilities == BotCapabilities(
        audio_in=False, video_in=True, screen_in=screen_in
    )


def test_a_task_tells_what_its_transports_do_and_what_it_was_told():
    params = TransportParams(audio_in_enabled=True, audio_out_enabled=True)
    transports = (BaseInputTransport(params), BaseOutputTransport(params))
    task = task_of(*transports, params=PipelineParams(enable_metrics=True))
    derived = BotCapabilities(
        audio_in=True,
        audio_out=True,
        video_in=False,
        screen_in=False,
        video_out=False,
        metrics=True,
    )
    assert task.capabilities == derived
    transports = (BaseInputTransport(params), BaseOutputTransport(params))
    told = task_of(*transports, capabilities=BotCapabilities(video_in=True, metrics=None))
    assert told.capabilities == derived.model_copy(update={"video_in": True, "metrics": False})
