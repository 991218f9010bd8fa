"""What can be set on Cartesia's voices."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipecat_rs.services.settings import TTSSettings
from pipecat_rs.transcriptions.language import Language, resolve_language
from pipecat_rs.utils.types import NOT_GIVEN, NotGiven

_CODES = (
    "ar bg bg-BG bn bn-IN cs cs-CZ da da-DK de de-AT de-DE el el-GR en en-AU en-CA en-GB en-IE "
    "en-IN en-NZ en-SG en-US en-ZA es es-AR es-CL es-CO es-DO es-ES es-MX es-PA es-PE es-PR "
    "es-US fi fi-FI fr fr-BE fr-CA fr-FR gu gu-IN he he-IL hi hi-IN hr hr-HR hu hu-HU id id-ID "
    "it it-IT ja ja-JP ka ka-GE kn kn-IN ko ko-KR ml ml-IN mr mr-IN ms ms-MY nl nl-BE nl-NL no "
    "or or-IN pa pa-IN pl pl-PL pt pt-BR pt-PT ro ro-RO ru ru-RU sk sk-SK sv sv-SE ta ta-IN te "
    "te-IN th th-TH tl tr tr-TR uk uk-UA ur ur-IN vi vi-VN zh zh-CN"
)
_LANGUAGES = {Language(code): code for code in _CODES.split()} | {
    # Cartesia has its own codes for these.
    Language.NB: "no",
    Language.NB_NO: "no-NO",
    Language.FIL: "tl",
    Language.FIL_PH: "tl-PH",
}


def language_to_cartesia_language(language: Language) -> str:
    """Return Cartesia's code for a language.

    Args:
        language: The language.
    """
    return resolve_language(language, _LANGUAGES)


class CartesiaEmotion(StrEnum):
    """The emotions that Cartesia names."""

    NEUTRAL = "neutral"
    ANGRY = "angry"
    EXCITED = "excited"
    CONTENT = "content"
    SAD = "sad"
    SCARED = "scared"
    HAPPY = "happy"
    ENTHUSIASTIC = "enthusiastic"
    ELATED = "elated"
    EUPHORIC = "euphoric"
    TRIUMPHANT = "triumphant"
    AMAZED = "amazed"
    SURPRISED = "surprised"
    FLIRTATIOUS = "flirtatious"
    JOKING_COMEDIC = "joking/comedic"
    CURIOUS = "curious"
    PEACEFUL = "peaceful"
    SERENE = "serene"
    CALM = "calm"
    GRATEFUL = "grateful"
    AFFECTIONATE = "affectionate"
    TRUST = "trust"
    SYMPATHETIC = "sympathetic"
    ANTICIPATION = "anticipation"
    MYSTERIOUS = "mysterious"
    MAD = "mad"
    OUTRAGED = "outraged"
    FRUSTRATED = "frustrated"
    AGITATED = "agitated"
    THREATENED = "threatened"
    DISGUSTED = "disgusted"
    CONTEMPT = "contempt"
    ENVIOUS = "envious"
    SARCASTIC = "sarcastic"
    IRONIC = "ironic"
    DEJECTED = "dejected"
    MELANCHOLIC = "melancholic"
    DISAPPOINTED = "disappointed"
    HURT = "hurt"
    GUILTY = "guilty"
    BORED = "bored"
    TIRED = "tired"
    REJECTED = "rejected"
    NOSTALGIC = "nostalgic"
    WISTFUL = "wistful"
    APOLOGETIC = "apologetic"
    HESITANT = "hesitant"
    INSECURE = "insecure"
    CONFUSED = "confused"
    RESIGNED = "resigned"
    ANXIOUS = "anxious"
    PANICKED = "panicked"
    ALARMED = "alarmed"
    PROUD = "proud"
    CONFIDENT = "confident"
    DISTANT = "distant"
    SKEPTICAL = "skeptical"
    CONTEMPLATIVE = "contemplative"
    DETERMINED = "determined"


@dataclass(kw_only=True)
class GenerationConfig:
    """How Cartesia's newer models speak.

    Attributes:
        volume: How loud, from 0.5 to 2.
        speed: How fast, from 0.6 to 1.5.
        emotion: In what mood; see `CartesiaEmotion`.
    """

    volume: float | None = None
    speed: float | None = None
    emotion: str | None = None


@dataclass
class CartesiaTTSSettings(TTSSettings):
    """What Cartesia has.

    Attributes:
        generation_config: How it speaks.
        pronunciation_dict_id: The pronunciation dictionary to use.
    """

    generation_config: GenerationConfig | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    pronunciation_dict_id: str | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)


@dataclass(kw_only=True)
class CartesiaInputParams:
    """What older programs set.

    Attributes:
        language: The language.
        generation_config: How it speaks.
        pronunciation_dict_id: The pronunciation dictionary to use.
    """

    language: Language | None = Language.EN
    generation_config: GenerationConfig | None = None
    pronunciation_dict_id: str | None = None


def as_sent(config: Any) -> dict[str, Any]:
    """Return a generation config as it is sent.

    Args:
        config: A `GenerationConfig`, or another object with its attributes.
    """
    values = {name: getattr(config, name, None) for name in ("volume", "speed", "emotion")}
    return {name: value for name, value in values.items() if value is not None}
