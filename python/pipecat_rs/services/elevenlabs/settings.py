"""What can be set on ElevenLabs' voices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pipecat_rs.services.settings import TTSSettings
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.deprecation import deprecated
from pipecat_rs.utils.types import NOT_GIVEN, NotGiven, is_given

_VOICE_SETTINGS = ("stability", "similarity_boost", "style", "use_speaker_boost", "speed")


def _not_given() -> Any:
    return NOT_GIVEN


@dataclass
class ElevenLabsTTSSettings(TTSSettings):
    """What ElevenLabs has. None leaves a setting to the voice.

    Attributes:
        stability: How even the voice is, from 0 to 1.
        similarity_boost: How close it keeps to the original, from 0 to 1.
        style: How much it exaggerates, from 0 to 1.
        use_speaker_boost: Whether it is made more like the speaker.
        speed: How fast it speaks, from 0.7 to 1.2.
        apply_text_normalization: Whether numbers and the like are written out first.
    """

    stability: float | NotGiven | None = field(default_factory=_not_given)
    similarity_boost: float | NotGiven | None = field(default_factory=_not_given)
    style: float | NotGiven | None = field(default_factory=_not_given)
    use_speaker_boost: bool | NotGiven | None = field(default_factory=_not_given)
    speed: float | NotGiven | None = field(default_factory=_not_given)
    apply_text_normalization: Literal["auto", "on", "off"] | NotGiven | None = field(
        default_factory=_not_given
    )

    URL_FIELDS: ClassVar[frozenset[str]] = frozenset(
        {"voice", "model", "language", "apply_text_normalization"}
    )
    VOICE_SETTINGS_FIELDS: ClassVar[frozenset[str]] = frozenset(_VOICE_SETTINGS)


def build_elevenlabs_voice_settings(
    settings: dict[str, Any] | TTSSettings,
) -> dict[str, float | bool] | None:
    """Return the settings of the voice as they are sent, or None if there are none.

    Args:
        settings: The settings; those that are not of the voice are left out.
    """
    values = settings if isinstance(settings, dict) else vars(settings)
    given = {name: values.get(name) for name in _VOICE_SETTINGS}
    return {k: v for k, v in given.items() if v is not None and is_given(v)} or None


@dataclass(kw_only=True)
class PronunciationDictionaryLocator:
    """Which pronunciation dictionary to use. Deprecated in pipecat 1.6.

    Attributes:
        pronunciation_dictionary_id: The dictionary.
        version_id: Its version.
    """

    pronunciation_dictionary_id: str
    version_id: str


@deprecated(
    "`ElevenLabsTTSService.InputParams` is deprecated since 0.0.105 and will be removed in "
    "2.0.0. Use `ElevenLabsTTSService.Settings` instead."
)
@dataclass(kw_only=True)
class ElevenLabsInputParams:
    """What older programs set.

    Attributes:
        language: The language.
        stability: See `ElevenLabsTTSSettings`.
        similarity_boost: See there.
        style: See there.
        use_speaker_boost: See there.
        speed: See there.
        auto_mode: See `ElevenLabsTTSService`.
        enable_ssml_parsing: See there.
        enable_logging: See there.
        apply_text_normalization: See `ElevenLabsTTSSettings`.
        pronunciation_dictionary_locators: Dictionaries to use.
    """

    language: Language | None = None
    stability: float | None = None
    similarity_boost: float | None = None
    style: float | None = None
    use_speaker_boost: bool | None = None
    speed: float | None = None
    auto_mode: bool | None = True
    enable_ssml_parsing: bool | None = None
    enable_logging: bool | None = None
    apply_text_normalization: Literal["auto", "on", "off"] | None = None
    pronunciation_dictionary_locators: list[PronunciationDictionaryLocator] | None = None
