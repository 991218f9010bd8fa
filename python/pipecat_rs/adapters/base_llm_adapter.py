"""The place of `pipecat_rs.adapters.llm.base_llm_adapter` before pipecat 1.14."""

from pipecat_rs.adapters.llm.base_llm_adapter import *  # noqa: F403
from pipecat_rs.utils.deprecation import warn_deprecated

warn_deprecated(
    "`pipecat.adapters.base_llm_adapter` is deprecated since 1.14.0 and will be "
    "removed in 2.0.0. Use `pipecat.adapters.llm.base_llm_adapter` instead.",
    stacklevel=2,
)
