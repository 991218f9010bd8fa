"""The place of `pipecat_rs.adapters.llm.schemas.direct_function` before pipecat 1.14."""

from pipecat_rs.adapters.llm.schemas.direct_function import *  # noqa: F403
from pipecat_rs.utils.deprecation import warn_deprecated

warn_deprecated(
    "`pipecat.adapters.schemas.direct_function` is deprecated since 1.14.0 and will be "
    "removed in 2.0.0. Use `pipecat.adapters.llm.schemas.direct_function` instead.",
    stacklevel=2,
)
