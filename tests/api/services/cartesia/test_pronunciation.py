"""Pronunciations as Cartesia reads them within a text."""

# ruff: noqa: RUF001 - the characters of the phonetic alphabet are meant

import pytest
from pipecat_rs.services.cartesia.tts import CartesiaTTSService, format_cartesia_pronunciation


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("/mɛtˈfɔɹmɪn/", "<<m|ɛ|t|f|ˈ|ɔ|ɹ|m|ɪ|n>>"),
        ("njuː ˈjɔɹk", "<<n|j|uː>> <<j|ˈ|ɔ|ɹ|k>>"),
        ("ˈʧɪ.kən", "<<tʃ|ˈ|ɪ|k|ə|n>>"),
        ("", None),
        ("//", None),
    ],
)
def test_phones(ipa: str, phones: str | None):
    assert format_cartesia_pronunciation("word", ipa) == phones
    assert CartesiaTTSService.format_pronunciation("word", ipa) == phones
