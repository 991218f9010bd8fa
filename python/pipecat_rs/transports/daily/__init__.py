"""Calls in rooms of Daily."""

from pipecat_rs.transports.daily.params import DailyParams
from pipecat_rs.transports.daily.transport import DailyTransport

__all__ = ["DailyParams", "DailyTransport"]
