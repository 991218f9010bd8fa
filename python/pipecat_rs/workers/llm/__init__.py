"""Workers around a language model."""

from pipecat_rs.workers.llm.backend_llm_worker import BackendLLMWorker, BackendOutput
from pipecat_rs.workers.llm.llm_context_worker import LLMContextWorker
from pipecat_rs.workers.llm.llm_worker import LLMWorker, LLMWorkerActivationArgs
from pipecat_rs.workers.llm.tool_decorator import tool

__all__ = [
    "BackendLLMWorker",
    "BackendOutput",
    "LLMContextWorker",
    "LLMWorker",
    "LLMWorkerActivationArgs",
    "tool",
]
