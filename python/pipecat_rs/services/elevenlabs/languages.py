"""The languages that ElevenLabs' models take."""

from __future__ import annotations

import logging

from pipecat_rs.transcriptions.language import Language, resolve_language

_logger = logging.getLogger(__name__)

_OF_V2_5 = (
    "ar bg cs da de el en es fi fil fr hi hr hu id it ja ko ms nl no pl pt ro ru sk sv ta tr uk "
    "vi zh"
)
_ALSO_OF_V3 = (
    "af as az be bn bs ca ceb cy et fa ga gl gu ha he hy is jv ka kk kn ky lb ln lt lv mk ml mr ne "
    "ny pa ps sd sl so sr sw te th ur"
)
_ALSO_OF_V4 = "ast mi mn mt my oc or tg uz yue"
_V2_5 = frozenset(_OF_V2_5.split())
_V3 = _V2_5 | frozenset(_ALSO_OF_V3.split())
_V4 = _V3 | frozenset(_ALSO_OF_V4.split())

ELEVENLABS_MODEL_LANGUAGES: dict[str, frozenset[str]] = {
    "eleven_flash_v2_5": _V2_5,
    "eleven_turbo_v2_5": _V2_5,
    "eleven_v3": _V3,
    "eleven_v3_conversational": _V3,
    "eleven_v4": _V4,
    "eleven_v4_turbo": _V4,
}
"""The models that can be told a language, and which. Others find it out from the text."""

_CODES = {Language(code): code for code in _V4}


def language_to_elevenlabs_language(language: Language) -> str:
    """Return ElevenLabs' code for a language.

    Args:
        language: The language.
    """
    return resolve_language(language, _CODES)


def elevenlabs_language_code(model: str | None, language: str | None) -> str | None:
    """Return the code to send for a model; None, with a warning, if it does not take the language.

    Args:
        model: The model.
        language: ElevenLabs' code for the language, or None.
    """
    if not language:
        return None
    if language in ELEVENLABS_MODEL_LANGUAGES.get(model or "", ()):
        return language
    _logger.warning("ElevenLabs' model %s cannot be told the language %r", model, language)
    return None
