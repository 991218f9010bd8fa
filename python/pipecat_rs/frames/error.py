"""Errors as frames, and the vocabulary for why something failed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from pipecat_rs.frames.base import SystemFrame

if TYPE_CHECKING:
    from pipecat_rs.processors.frame_processor import FrameProcessor


class ErrorCategory(Enum):
    """Why an operation failed, in terms that hold for every provider."""

    UNKNOWN = "unknown"
    """Not determined."""
    AUTHENTICATION = "authentication"
    """The credentials are missing or wrong."""
    AUTHORIZATION = "authorization"
    """The credentials are right but do not allow this."""
    INVALID_REQUEST = "invalid_request"
    """The request is malformed, or names what does not exist."""
    RATE_LIMIT = "rate_limit"
    """Too many requests in too short a time."""
    QUOTA = "quota"
    """The account's allowance is used up."""
    CONNECTIVITY = "connectivity"
    """The service could not be reached."""
    SERVER = "server"
    """The service failed."""
    APPLICATION = "application"
    """Code or content of the application failed; the service is well."""

    @property
    def is_permanent(self) -> bool:
        """Whether trying again cannot help until credentials or settings change."""
        return self in _PERMANENT


_PERMANENT = frozenset(
    {ErrorCategory.AUTHENTICATION, ErrorCategory.AUTHORIZATION, ErrorCategory.INVALID_REQUEST}
)


@dataclass(repr=False, eq=False)
class ErrorFrame(SystemFrame):
    """An error on its way upstream.

    Attributes:
        error: What happened. Credentials in it are masked.
        fatal: Whether the task is to cancel. Deprecated in pipecat 1.8; it still cancels.
        processor: The processor that reports it, or None.
        exception: The exception behind it, or None.
        category: Why it happened; None until it was worked out.
    """

    error: str
    fatal: bool = False
    processor: FrameProcessor | None = None
    exception: Exception | None = None
    category: ErrorCategory | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.error, str):
            # From the layer above, and only when there is an error to mask.
            from pipecat_rs.utils.security.redaction import redact_secrets

            self.error = redact_secrets(self.error)
        if self.fatal and not isinstance(self, FatalErrorFrame):
            warnings.warn(
                "`ErrorFrame.fatal` is deprecated since 1.8.0 and will be removed in 2.0.0. "
                "Use `push_error(..., force_treat_as_permanent=True)` or an `EndWorkerFrame` "
                "instead.",
                DeprecationWarning,
                stacklevel=3,
            )

    def __str__(self) -> str:
        told = self.category not in (None, ErrorCategory.UNKNOWN)
        category = f", category: {self.category.value}" if self.category and told else ""
        return f"{self.name}(error: {self.error}, fatal: {self.fatal}{category})"


@dataclass(repr=False, eq=False)
class FatalErrorFrame(ErrorFrame):
    """An error after which the task cancels. Deprecated in pipecat 1.8."""

    fatal: bool = field(default=True, init=False)
