"""What a task is configured with, and what it does when a processor gives up."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any

from pipecat_rs.metrics.model import Model

_logger = logging.getLogger(__name__)

HEARTBEAT_SECS = 1.0
HEARTBEAT_MONITOR_SECS = 10.0


class ProcessorUnusablePolicy(Enum):
    """What a task does when a processor can no longer do its job.

    Attributes:
        CONTINUE: Report it and go on.
        END: Let what is queued drain, then end.
        CANCEL: End at once.
    """

    CONTINUE = "continue"
    END = "end"
    CANCEL = "cancel"


@dataclass
class PipelineParams(Model):
    """Configuration of a task. By position, parameters stand in the order of pipecat 0.0.x.

    A parameter that is not known is ignored with a warning, so that programs for another version of
    pipecat run.

    Attributes:
        allow_interruptions: Whether the user's speech interrupts the bot.
        enable_metrics: Whether processors measure their performance.
        enable_usage_metrics: Whether services count tokens, characters and audio.
        report_only_initial_ttfb: Whether the time to first byte is reported once a session.
        audio_in_sample_rate: Input audio, in Hz.
        audio_out_sample_rate: Output audio, in Hz.
        enable_heartbeats: Whether probes for life are sent.
        heartbeats_period_secs: Time between two probes, in seconds.
        heartbeats_monitor_secs: Time without a probe coming through that is reported, in seconds.
        send_initial_empty_metrics: Whether one MetricsFrame of zeros follows the start.
        start_metadata: Metadata of the start frame.
    """

    allow_interruptions: bool = True
    enable_metrics: bool = False
    enable_usage_metrics: bool = False
    report_only_initial_ttfb: bool = False
    audio_in_sample_rate: int = 16000
    audio_out_sample_rate: int = 24000
    enable_heartbeats: bool = False
    heartbeats_period_secs: float = HEARTBEAT_SECS
    heartbeats_monitor_secs: float = HEARTBEAT_MONITOR_SECS
    send_initial_empty_metrics: bool = True
    start_metadata: dict[str, Any] = field(default_factory=dict)


if not TYPE_CHECKING:
    _init = PipelineParams.__init__
    _known = frozenset(parameter.name for parameter in fields(PipelineParams))

    @functools.wraps(_init)
    def _init_ignoring_strangers(self: PipelineParams, *args: Any, **kwargs: Any) -> None:
        for name in sorted(kwargs.keys() - _known):
            del kwargs[name]
            _logger.warning("PipelineParams has no parameter %r here: it is ignored", name)
        _init(self, *args, **kwargs)

    PipelineParams.__init__ = _init_ignoring_strangers
