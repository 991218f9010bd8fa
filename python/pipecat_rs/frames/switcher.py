"""Frames for service switchers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipecat_rs.frames.base import ControlFrame

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessor


class ServiceSwitcherFrame(ControlFrame):
    """Something for a service switcher."""


@dataclass(repr=False, eq=False)
class ManuallySwitchServiceFrame(ServiceSwitcherFrame):
    """Makes one service of a switcher the active one, named by itself or by its place.

    A switcher that does not have the named service hands the frame on. A place is taken by the
    first switcher that the frame meets.

    Attributes:
        service: The service, or None.
        service_index: Its place in the switcher's list, from 0, or None.

    Raises:
        ValueError: Unless exactly one of the two is given.
    """

    service: FrameProcessor | None = None
    service_index: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.service is None) == (self.service_index is None):
            raise ValueError(
                "ManuallySwitchServiceFrame needs either service or service_index, got "
                f"service={self.service}, service_index={self.service_index}"
            )


@dataclass(repr=False, eq=False)
class ServiceSwitcherRequestMetadataFrame(ControlFrame):
    """Asks a service that has become active to send its metadata.

    Attributes:
        service: The service.
    """

    service: FrameProcessor
