"""Serializers of calls that can be ended through the provider's REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame
from pipecat_rs.serializers.hang_up import HangUp, check_available, hang_up
from pipecat_rs.serializers.wire_format import WireFormatSerializer


class CallSerializer(WireFormatSerializer):
    """A native format of a provider that calls are ended at, once, when the pipeline ends."""

    _hang_up_attempted = False

    def _require(self, given: Mapping[str, Any]) -> None:
        """Check that there is what a call is ended with.

        Args:
            given: The values, by name.

        Raises:
            ValueError: If one is missing.
            MissingDependencyError: If aiohttp is not installed.
        """
        missing = [name for name, value in given.items() if not value]
        if missing:
            raise ValueError(
                "auto_hang_up is enabled but missing required parameters: "
                f"{', '.join(missing)}; give them, or params with auto_hang_up=False"
            )
        check_available(self)

    def _hang_up_request(self) -> HangUp:
        """The request that ends the call."""
        raise NotImplementedError

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Return the message that carries a frame. With the pipeline's end the call is ended.

        Args:
            frame: The frame.

        Returns:
            The message, or None if there is nothing to send.

        Raises:
            ValueError: If the format cannot carry such audio.
        """
        if not isinstance(frame, EndFrame | CancelFrame):
            return await super().serialize(frame)
        if self._params.auto_hang_up and not self._hang_up_attempted:
            self._hang_up_attempted = True
            await hang_up(self._hang_up_request)
        return None
