"""The place of `pipecat_rs.adapters.llm.services.anthropic_adapter` before pipecat 1.14."""

from pipecat_rs.adapters.llm.services.anthropic_adapter import *  # noqa: F403
from pipecat_rs.utils.deprecation import warn_deprecated

warn_deprecated(
    "`pipecat.adapters.services.anthropic_adapter` is deprecated since 1.14.0 and will be "
    "removed in 2.0.0. Use `pipecat.adapters.llm.services.anthropic_adapter` instead.",
    stacklevel=2,
)
