"""Pronunciations as ElevenLabs reads them within a text."""

# ruff: noqa: RUF001 - the characters of the phonetic alphabet are meant

import pytest
from pipecat_rs.services.elevenlabs.tts import (
    ELEVENLABS_PHONEME_MODELS,
    ElevenLabsTTSService,
    format_elevenlabs_pronunciation,
)


@pytest.mark.parametrize(
    ("word", "ipa", "tags"),
    [
        (
            "Metformin",
            "/mɛtˈfɔɹ.mɪn/",
            '<phoneme alphabet="ipa" ph="mɛtˈfɔɹmɪn">Metformin</phoneme>',
        ),
        (
            "A&B <c>",
            'a" b',
            '<phoneme alphabet="ipa" ph="a&quot;">A&amp;B</phoneme>'
            ' <phoneme alphabet="ipa" ph="b">&lt;c&gt;</phoneme>',
        ),
        ("New York", "njuː", None),
        ("one", "", None),
        ("", "", None),
    ],
)
def test_words_in_phoneme_tags(word: str, ipa: str, tags: str | None):
    assert format_elevenlabs_pronunciation(word, ipa) == tags
    assert ElevenLabsTTSService.format_pronunciation(word, ipa) == tags


@pytest.mark.parametrize("model", [*sorted(ELEVENLABS_PHONEME_MODELS), "eleven_multilingual_v2"])
@pytest.mark.parametrize("ssml", [None, False, True])
def test_whether_they_are_read_depends_on_model_and_ssml(model: str, ssml: bool | None):
    voice = ElevenLabsTTSService(
        api_key="key",
        enable_ssml_parsing=ssml,
        settings=ElevenLabsTTSService.Settings(voice="ann", model=model),
    )
    assert voice.supports_pronunciations is (ssml is True and model in ELEVENLABS_PHONEME_MODELS)
