"""Whether spans can be recorded, and where they go."""

from __future__ import annotations

import logging
import os
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_logger = logging.getLogger(__name__)


@cache
def is_tracing_available() -> bool:
    """Return whether OpenTelemetry is installed (extra ``tracing``). Does not import it."""
    try:
        return find_spec("opentelemetry.sdk") is not None
    except ImportError:
        return False


def setup_tracing(
    service_name: str = "pipecat",
    exporter: SpanExporter | None = None,
    console_export: bool = False,
) -> bool:
    """Make OpenTelemetry's provider of spans, for the whole process.

    The spans carry ``HOSTNAME`` and ``ENVIRONMENT`` of the environment, if these are set.

    Args:
        service_name: Name of the program, in every span.
        exporter: Where spans go, in batches.
        console_export: Whether they are printed, too.

    Returns:
        Whether it is set up: False, with a line in the log, if OpenTelemetry is not installed or
        refuses.
    """
    if not is_tracing_available():
        _logger.warning('spans are not recorded: pip install "pipecat-rs[tracing]"')
        return False
    try:
        _set_provider(service_name, exporter, console_export)
    except Exception as error:
        _logger.error("tracing cannot be set up: %r", error, exc_info=True)
        return False
    return True


def _set_provider(service_name: str, exporter: SpanExporter | None, console_export: bool) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    resource = Resource.create(
        {
            "service.name": service_name,
            "service.instance.id": os.environ.get("HOSTNAME", "unknown"),
            "deployment.environment": os.environ.get("ENVIRONMENT", "development"),
        }
    )
    provider = TracerProvider(resource=resource)
    trace.set_tracer_provider(provider)
    for target in (ConsoleSpanExporter() if console_export else None, exporter):
        if target is not None:
            provider.add_span_processor(BatchSpanProcessor(target))
