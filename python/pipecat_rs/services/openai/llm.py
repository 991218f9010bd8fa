"""Language models of OpenAI."""

from __future__ import annotations

from pipecat_rs.services.openai.base_llm import BaseOpenAILLMService, OpenAILLMSettings

__all__ = ["OpenAILLMService", "OpenAILLMSettings"]


class OpenAILLMService(BaseOpenAILLMService):
    """Answers with a model of OpenAI, or of a provider that is compatible with it (`base_url`).

    Example::

        llm = OpenAILLMService(api_key="...", model="gpt-4.1")
    """

    handles = BaseOpenAILLMService.handles
