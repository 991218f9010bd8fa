"""Services of Google: language models."""

from pipecat_rs.services.google.llm import GoogleLLMService

__all__ = ["GoogleLLMService"]
