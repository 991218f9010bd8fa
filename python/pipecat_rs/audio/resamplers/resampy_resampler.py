"""A name of pipecat's for the resampler of whole pieces."""

from __future__ import annotations

from typing import Any

from pipecat_rs.audio.resamplers.soxr_resampler import SOXRAudioResampler
from pipecat_rs.utils.deprecation import deprecated


@deprecated(
    "`ResampyResampler` is deprecated since 1.2.0 and will be removed in 2.0.0. "
    "Use `SOXRAudioResampler` or `create_file_resampler()` instead."
)
class ResampyResampler(SOXRAudioResampler):
    """Converts each piece by itself, as `SOXRAudioResampler` does."""

    def __init__(self, **kwargs: Any) -> None:
        """Initialize the resampler.

        Args:
            **kwargs: Not used; accepted so that resamplers can be exchanged.
        """
        super().__init__()
