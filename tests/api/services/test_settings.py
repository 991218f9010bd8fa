"""Settings as a store and as a delta."""

import copy

from pipecat_rs.services.settings import NOT_GIVEN, LLMSettings, STTSettings, TTSSettings, is_given


def test_a_delta_changes_what_it_gives_and_says_what_was_there():
    store = TTSSettings(model="m", voice="alice", language="en")
    changed = store.apply_update(TTSSettings(voice="bob", language="en"))
    assert changed == {"voice": "alice"}
    assert (store.model, store.voice, store.language) == ("m", "bob", "en")


def test_values_of_the_providers_own_are_merged():
    store = STTSettings(model=None, language=None, extra={"a": 1})
    delta = STTSettings()
    delta.extra = {"a": 2, "b": 3}
    assert store.apply_update(delta) == {"a": 1, "b": NOT_GIVEN}
    assert store.given_fields() == {"model": None, "language": None, "a": 2, "b": 3}


def test_a_mapping_becomes_a_delta():
    delta = TTSSettings.from_mapping({"voice_id": "alice", "speed": 1.2})
    assert delta.voice == "alice"
    assert not is_given(delta.model)
    assert delta.extra == {"speed": 1.2}


def test_a_store_without_a_value_is_an_error_in_the_log(caplog):
    TTSSettings(model="m", voice=None).validate_complete()
    assert "language" in caplog.text and "voice" not in caplog.text


def test_copies_share_nothing():
    store = LLMSettings(model="m", extra={"a": [1]})
    copied = store.copy()
    copied.extra["a"].append(2)
    assert store.extra == {"a": [1]}
    assert copy.deepcopy(NOT_GIVEN) is NOT_GIVEN
