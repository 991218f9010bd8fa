"""The errors that pipecat_rs raises.

::

    PipecatError
    ├── PipelineError                     a pipeline, task or processor is used in a wrong way
    │   ├── ProcessorInUseError           a processor is put into a second pipeline
    │   ├── ProcessorNotSetUpError        a processor is used before its setup
    │   └── WorkerStateError              (RuntimeError) a worker has no runner or no such job
    ├── ProcessorTimeoutError             (TimeoutError) a processor did not answer in time
    └── MissingDependencyError            (ImportError) an optional package is not installed

What goes wrong inside a running processor is no exception to the outside: it travels upstream as
an `ErrorFrame`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipecat_rs.frames.base import Frame


class PipecatError(Exception):
    """Base of all errors of this package.

    Attributes:
        processor: The processor that it is about, or None.
        frame: The frame that it is about, or None.
        hint: What the caller can do about it, or None. Shown on a line of its own.
    """

    def __init__(
        self,
        message: str = "",
        *,
        processor: Any | None = None,
        frame: Frame | None = None,
        hint: str | None = None,
    ) -> None:
        """Describe the error.

        Args:
            message: What happened, what was given and what is allowed.
            processor: The processor that it is about.
            frame: The frame that it is about.
            hint: What the caller can do about it.
        """
        super().__init__(message)
        self.processor = processor
        self.frame = frame
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\nhint: {self.hint}" if self.hint else message


class PipelineError(PipecatError):
    """A pipeline, a task or a processor is used in a way that cannot work."""


class ProcessorInUseError(PipelineError):
    """A processor is already part of a pipeline, and is put into another one."""


class ProcessorNotSetUpError(PipelineError):
    """A processor or another object is asked for what it gets only in its setup."""


class WorkerStateError(PipelineError, RuntimeError):
    """A worker is asked for something that it does not have now: a runner, a bus, a job."""


class ProcessorTimeoutError(PipecatError, TimeoutError):
    """A processor did not answer in the time allowed."""


class MissingDependencyError(PipecatError, ImportError):
    """An optional package is needed and is not installed."""

    @classmethod
    def of(cls, package: str, *, needed_by: Any, extra: str) -> MissingDependencyError:
        """Describe a missing package and how to get it.

        Args:
            package: Name of the package as it is imported.
            needed_by: The object which needs it, or its name.
            extra: The extra of this distribution that brings it.
        """
        error = cls(
            f"{needed_by} needs the package {package!r}, which is not installed",
            processor=needed_by,
            hint=f'pip install "pipecat-rs[{extra}]"',
        )
        error.name = package
        return error
