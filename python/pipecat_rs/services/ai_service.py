"""The base of all services: settings, start and stop, what a service says about itself."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    ServiceMetadataFrame,
    ServiceSwitcherRequestMetadataFrame,
    ServiceUpdateSettingsFrame,
    StartFrame,
)
from pipecat_rs.metrics.metrics import LLMTokenUsage, MetricsData, STTUsage
from pipecat_rs.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat_rs.services.settings import ServiceSettings
from pipecat_rs.transcriptions.language import Language
from pipecat_rs.utils.deprecation import warn_deprecated

if TYPE_CHECKING:
    from pipecat_rs.utils.tracing.service_spans import ServiceSpans

_logger = logging.getLogger(__name__)


class AIService(FrameProcessor):
    """A processor with settings, backed by a model here or at a provider.

    Subclasses override `start`, `stop` and `cancel`, and `service_metadata_frame` if others should
    know something about them.
    """

    handles = (ServiceSwitcherRequestMetadataFrame,)

    Settings: type[ServiceSettings] = ServiceSettings

    # What makes spans of the service, if the task is traced and so is a method of the service.
    _spans: ServiceSpans | None = None

    def __init__(self, settings: ServiceSettings | None = None, **kwargs: Any) -> None:
        """Make a service.

        Args:
            settings: Its settings, complete.
            **kwargs: For `FrameProcessor`.
        """
        super().__init__(**kwargs)
        self._settings: Any = settings or ServiceSettings()
        self._session_properties: dict[str, Any] = {}
        self._tracing_enabled = False
        self._tracing_context: Any = None
        self._sync_model_name_to_metrics()

    @property
    def settings(self) -> Any:
        """The settings as they are. Change them by a `ServiceUpdateSettingsFrame`."""
        return self._settings

    def service_metadata_frame(self) -> ServiceMetadataFrame | None:
        """Return what this service says about itself when it starts; None for nothing."""
        return None

    async def broadcast_service_metadata(self) -> None:
        """Say it, both ways."""
        frame = self.service_metadata_frame()
        if frame is not None:
            await self.broadcast_frame_instance(frame)

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Take over the task's configuration.

        Args:
            setup: What the task gives to its processors.
        """
        await super().setup(setup)
        self._tracing_enabled = setup.enable_tracing
        self._tracing_context = setup.tracing_context
        self._spans = None
        if setup.enable_tracing:
            from pipecat_rs.utils.tracing.service_spans import spans_of

            self._spans = spans_of(self)

    async def start(self, frame: StartFrame) -> None:
        """Start working.

        Args:
            frame: The start frame.
        """
        self._settings.validate_complete()

    async def stop(self, frame: EndFrame) -> None:
        """Finish what is in hand and stop; everything before the end has been processed.

        Args:
            frame: The end frame.
        """

    async def cancel(self, frame: CancelFrame) -> None:
        """Stop at once.

        Args:
            frame: The cancel frame.
        """

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push a frame; what this service says about itself follows the start frame.

        Args:
            frame: The frame.
            direction: Which way.
        """
        if frame.__class__ is InputAudioRawFrame:
            await super().push_frame(frame, direction)
            return
        spans = self._spans
        if spans is not None:
            spans.before_push(frame)
        await super().push_frame(frame, direction)
        if spans is not None:
            await spans.after_push(frame)
        if isinstance(frame, StartFrame):
            await self.broadcast_service_metadata()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Start, stop or cancel, or answer a switcher. Pushes nothing on: subclasses do.

        Args:
            frame: The frame.
            direction: Which way it travels.
        """
        if frame.__class__ is InputAudioRawFrame:
            return  # fifty a second, where a subclass has not said what it handles
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            await self._run_lifecycle(self.start, frame)
        elif isinstance(frame, EndFrame):
            await self._run_lifecycle(self.stop, frame)
        elif isinstance(frame, CancelFrame):
            await self._run_lifecycle(self.cancel, frame)
        elif isinstance(frame, ServiceSwitcherRequestMetadataFrame):
            await self.broadcast_service_metadata()

    async def process_generator(self, generator: AsyncGenerator[Frame | None, None]) -> None:
        """Push what a generator yields; an ErrorFrame goes upstream as this service's error.

        Args:
            generator: Yields frames, and None for nothing.
        """
        async for frame in generator:
            if isinstance(frame, ErrorFrame):
                await self.push_error_frame(frame)
            elif frame is not None:
                await self.push_frame(frame)

    async def _run_lifecycle(self, method: Any, frame: Frame) -> None:
        # The frame has to travel on, so that the others start or stop whatever happens here.
        try:
            await method(frame)
        except Exception as error:
            await self.push_error(f"{self}: {method.__name__} failed: {error}", exception=error)

    # ---- usage

    async def start_llm_usage_metrics(self, tokens: LLMTokenUsage) -> None:
        """Push how many tokens a language model used.

        Args:
            tokens: The tokens.
        """
        await super().start_llm_usage_metrics(tokens)
        if self._spans is not None:
            self._spans.used(tokens)

    async def start_stt_usage_metrics(self, usage: STTUsage) -> None:
        """Push how much audio a speech recogniser used.

        Args:
            usage: The audio.
        """
        await super().start_stt_usage_metrics(usage)
        if self._spans is not None:
            self._spans.used(usage)

    # ---- settings

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        """Change settings. Services override this to act on what has changed.

        Args:
            delta: The settings to change.

        Returns:
            The previous value of each that has changed, by name.
        """
        changed = self._settings.apply_update(delta)
        if "model" in changed:
            self._sync_model_name_to_metrics()
        if changed:
            _logger.info("%s: settings changed: %s", self, ", ".join(sorted(changed)))
            # These may be the settings with which the service works again.
            await self.set_usable(True)
        return changed

    async def _handle_settings_frame(
        self, frame: ServiceUpdateSettingsFrame[Any], direction: FrameDirection
    ) -> None:
        """Change settings as a frame says, or pass it on if it is meant for another service."""
        if frame.service is not None and frame.service is not self:
            await self.push_frame(frame, direction)
        elif frame.delta is not None:
            await self._update_settings(frame.delta)
        elif frame.settings:
            name = type(frame).__name__
            warn_deprecated(
                f"`{name}(settings={{...}})` is deprecated since 0.0.104 and will be removed in "
                f"2.0.0. Use `{name}(delta=...)` instead.",
                stacklevel=2,
            )
            await self._update_settings(type(self._settings).from_mapping(frame.settings))

    def _sync_model_name_to_metrics(self) -> None:
        model = self._settings.model
        self.set_core_metrics_data(
            MetricsData(processor=self.name, model=model if isinstance(model, str) else "")
        )

    def _warn_init_param_moved_to_settings(
        self,
        param_name: str,
        settings_field: str | None = None,
        stacklevel: int = 3,
        deprecated_since: str = "0.0.105",
    ) -> None:
        """Warn that a constructor argument has become a setting.

        Args:
            param_name: The argument.
            settings_field: The setting, if it is one.
            stacklevel: Whose line the warning names: 3 is that which builds the service.
            deprecated_since: Version of pipecat.
        """
        service = type(self).__name__
        settings = f"{settings_field}=..." if settings_field else "..."
        warn_deprecated(
            f"`{service}({param_name}=...)` is deprecated since {deprecated_since} and will be "
            f"removed in 2.0.0. Use `settings={service}.Settings({settings})` instead.",
            stacklevel=stacklevel,
        )

    def _warn_unhandled_updated_settings(self, unhandled: Any) -> None:
        """Log that settings have changed which take effect only when the service is built.

        Args:
            unhandled: Their names.
        """
        if unhandled:
            _logger.warning(
                "%s: cannot change %s while it runs", self, ", ".join(sorted(unhandled))
            )


def service_language(service: Any, language: str) -> str:
    """Return a service's own code for a language; one that is unknown is left as it is.

    Args:
        service: The service, with `language_to_service_language`.
        language: A `Language`, or a code.
    """
    try:
        known = Language(language)
    except ValueError:
        _logger.debug("%s: language %r is not known and is passed on as it is", service, language)
        return language
    return service.language_to_service_language(known) or language
