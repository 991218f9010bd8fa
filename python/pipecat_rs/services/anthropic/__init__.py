"""Services of Anthropic: language models."""

from pipecat_rs.services.anthropic.llm import AnthropicLLMService

__all__ = ["AnthropicLLMService"]
