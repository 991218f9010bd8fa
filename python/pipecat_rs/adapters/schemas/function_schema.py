"""The place of `pipecat_rs.adapters.llm.schemas.function_schema` before pipecat 1.14."""

from pipecat_rs.adapters.llm.schemas.function_schema import *  # noqa: F403
from pipecat_rs.utils.deprecation import warn_deprecated

warn_deprecated(
    "`pipecat.adapters.schemas.function_schema` is deprecated since 1.14.0 and will be "
    "removed in 2.0.0. Use `pipecat.adapters.llm.schemas.function_schema` instead.",
    stacklevel=2,
)
