"""What a bot does in a session: a client shows its controls by it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from pipecat_rs.metrics.model import Model


@dataclass(kw_only=True)
class BotCapabilities(Model):
    """What a bot does. None is not known, and leaves the client as it is; False is not done.

    Attributes:
        audio_in: Whether it hears the user.
        audio_out: Whether it speaks.
        video_in: Whether it sees the user.
        screen_in: Whether it sees the user's screen.
        video_out: Whether it shows pictures.
        metrics: Whether it reports measures.
    """

    audio_in: bool | None = None
    audio_out: bool | None = None
    video_in: bool | None = None
    screen_in: bool | None = None
    video_out: bool | None = None
    metrics: bool | None = None

    def combine(self, other: BotCapabilities) -> BotCapabilities:
        """Return what two parts of a bot do together: each thing that either of them does.

        Args:
            other: The other part.
        """
        either: dict[str, bool | None] = {}
        for name, mine in self._values().items():
            theirs = getattr(other, name)
            either[name] = theirs if mine is None else mine or bool(theirs)
        return BotCapabilities(**either)

    def override(self, other: BotCapabilities) -> BotCapabilities:
        """Return these with what is known of others in its place.

        Args:
            other: The ones that win.
        """
        return self.model_copy(update=other.model_dump(exclude_none=True))

    def _values(self) -> dict[str, bool | None]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
