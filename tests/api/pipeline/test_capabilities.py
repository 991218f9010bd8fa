"""What a bot does is put together of what its parts do."""

import pytest
from pipecat_rs.pipeline.capabilities import BotCapabilities


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
