"""Services of OpenAI: language models and voices."""

from pipecat_rs.services.openai.llm import OpenAILLMService
from pipecat_rs.services.openai.tts import OpenAITTSService

__all__ = ["OpenAILLMService", "OpenAITTSService"]
