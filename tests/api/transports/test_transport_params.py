"""Transport parameters: pipecat's names and defaults, and subclasses that just declare fields."""

import pytest
from pipecat_rs.transports.base_transport import TransportParams, VideoInSourceParams


def test_the_defaults_are_pipecats():
    params = TransportParams()
    assert not (params.audio_in_enabled or params.audio_out_enabled or params.video_in_enabled)
    assert params.audio_out_10ms_chunks == 4
    assert params.audio_out_end_silence_secs == 2
    assert params.audio_in_passthrough and params.audio_in_stream_on_start
    assert params.audio_in_sample_rate is None and params.audio_out_sample_rate is None


def test_older_programs_may_still_say_vad_enabled():
    params = TransportParams(audio_in_enabled=True, audio_out_enabled=True, vad_enabled=True)
    assert params.vad_enabled


def test_a_subclass_just_declares_more_fields():
    class MyParams(TransportParams):
        url: str
        retries: int = 3

    params = MyParams(url="x", audio_in_enabled=True)
    assert (params.url, params.retries, params.audio_in_enabled) == ("x", 3, True)
    with pytest.raises(TypeError, match="url"):
        MyParams()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"audio_in_sample_rate": 0}, "audio_in_sample_rate"),
        ({"audio_out_sample_rate": -8000}, "audio_out_sample_rate"),
        ({"audio_out_10ms_chunks": 0}, "audio_out_10ms_chunks"),
        ({"video_in_sources": {"camera": VideoInSourceParams()}}, "video_in_enabled"),
    ],
)
def test_what_cannot_be_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        TransportParams(**wrong)


def test_a_frame_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="on_request_only"):
        VideoInSourceParams(framerate=0)


def test_two_transports_do_not_share_their_lists():
    one, other = TransportParams(), TransportParams()
    one.audio_out_destinations.append("x")
    assert other.audio_out_destinations == []
