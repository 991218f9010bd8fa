"""What can be changed on a service while it runs.

One class per kind of service serves two ends. As a *store* it holds the service's full state:
every field has a value, None where the service does not know the notion. As a *delta*, in an
``*UpdateSettingsFrame``, it holds what is to change: all other fields are ``NOT_GIVEN``.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from pipecat_rs.utils.types import NOT_GIVEN, NotGiven, is_given

if TYPE_CHECKING:
    from typing import Self

    from pipecat_rs.transcriptions.language import Language

__all__ = [
    "NOT_GIVEN",
    "ImageGenSettings",
    "LLMSettings",
    "NotGiven",
    "STTSettings",
    "ServiceSettings",
    "TTSSettings",
    "VisionSettings",
    "is_given",
]

_logger = logging.getLogger(__name__)


def _not_given() -> Any:
    return NOT_GIVEN


@dataclass
class ServiceSettings:
    """What every service has.

    Attributes:
        model: Name of the model, or None if the service has no such notion.
        extra: Values of the provider's own, by name.
    """

    model: str | NotGiven | None = field(default_factory=_not_given)
    extra: dict[str, Any] = field(default_factory=dict)

    _aliases: ClassVar[Mapping[str, str]] = {}

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that have a value, and those of `extra` beside them."""
        given = {name: value for name, value in self._values() if is_given(value)}
        return given | self.extra

    def apply_update(self, delta: ServiceSettings) -> dict[str, Any]:
        """Take over what a delta gives.

        Args:
            delta: The settings to change.

        Returns:
            The previous value of each field that has changed, by name.
        """
        changed: dict[str, Any] = {}
        for name, old in self._values():
            new = getattr(delta, name, NOT_GIVEN)
            if is_given(new) and new != old:
                setattr(self, name, new)
                changed[name] = old
        for name, new in delta.extra.items():
            old = self.extra.get(name, NOT_GIVEN)
            if new != old:
                self.extra[name] = new
                changed[name] = old
        return changed

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> Self:
        """Make a delta of names and values.

        Args:
            settings: The values; unknown names go to `extra`.
        """
        known = {f.name for f in fields(cls)} - {"extra"}
        named = {cls._aliases.get(name, name): value for name, value in settings.items()}
        delta = cls(**{name: value for name, value in named.items() if name in known})
        delta.extra = {name: value for name, value in named.items() if name not in known}
        return delta

    def validate_complete(self) -> None:
        """Log an error if a field of a store has no value."""
        missing = [name for name, value in self._values() if not is_given(value)]
        if missing:
            _logger.error(
                "%s: no value for %s; a service gives each of its settings one when it is built, "
                "None if it does not know the notion",
                type(self).__name__,
                ", ".join(missing),
            )

    def copy(self) -> Self:
        """Return a copy which shares nothing with this one."""
        return copy.deepcopy(self)

    def _values(self) -> list[tuple[str, Any]]:
        return [(f.name, getattr(self, f.name)) for f in fields(self) if f.name != "extra"]


@dataclass
class ImageGenSettings(ServiceSettings):
    """What a service that makes images has."""


@dataclass
class VisionSettings(ServiceSettings):
    """What a service that describes images has."""


@dataclass
class LLMSettings(ServiceSettings):
    """What a language model service has.

    Attributes:
        system_instruction: What the model is told ahead of the conversation.
        temperature: How freely it samples; 0 takes the likeliest token.
        max_tokens: Longest answer, in tokens.
        top_p: Sample among the likeliest tokens of this total probability.
        top_k: Sample among this many likeliest tokens.
        frequency_penalty: How much repeated tokens are avoided, by their number.
        presence_penalty: How much tokens are avoided that were there once.
        seed: Makes sampling repeatable.
        filter_incomplete_user_turns: Whether the model judges if the user has finished.
        user_turn_completion_config: How it does so.
        use_provider_thinking_default: Whether thinking is left as the provider has it.
    """

    system_instruction: str | NotGiven | None = field(default_factory=_not_given)
    temperature: float | NotGiven | None = field(default_factory=_not_given)
    max_tokens: int | NotGiven | None = field(default_factory=_not_given)
    top_p: float | NotGiven | None = field(default_factory=_not_given)
    top_k: int | NotGiven | None = field(default_factory=_not_given)
    frequency_penalty: float | NotGiven | None = field(default_factory=_not_given)
    presence_penalty: float | NotGiven | None = field(default_factory=_not_given)
    seed: int | NotGiven | None = field(default_factory=_not_given)
    filter_incomplete_user_turns: bool | NotGiven | None = field(default_factory=_not_given)
    user_turn_completion_config: Any = field(default_factory=_not_given)
    use_provider_thinking_default: bool | NotGiven = field(default_factory=_not_given)


@dataclass
class TTSSettings(ServiceSettings):
    """What a text-to-speech service has.

    Attributes:
        voice: Name of the voice.
        language: Language of the text. A store holds the service's own code for it.
    """

    voice: str | NotGiven | None = field(default_factory=_not_given)
    language: Language | str | NotGiven | None = field(default_factory=_not_given)

    _aliases: ClassVar[Mapping[str, str]] = {"voice_id": "voice"}


@dataclass
class STTSettings(ServiceSettings):
    """What a speech-to-text service has.

    Attributes:
        language: Language that is spoken. A store holds the service's own code for it.
    """

    language: Language | str | NotGiven | None = field(default_factory=_not_given)
