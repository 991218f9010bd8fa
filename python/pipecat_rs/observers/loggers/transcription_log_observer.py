"""What users say, in the log."""

from __future__ import annotations

import logging

from pipecat_rs.frames.text import InterimTranscriptionFrame, TranscriptionFrame
from pipecat_rs.observers.base_observer import BaseObserver, FramePushed
from pipecat_rs.services.stt_service import STTService

_logger = logging.getLogger(__name__)


class TranscriptionLogObserver(BaseObserver):
    """Logs transcripts as they leave speech-to-text services."""

    handles = (TranscriptionFrame, InterimTranscriptionFrame)

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`."""
        frame = data.frame
        if not isinstance(data.source, STTService):
            return
        if isinstance(frame, (TranscriptionFrame, InterimTranscriptionFrame)):
            interim = "INTERIM " if isinstance(frame, InterimTranscriptionFrame) else ""
            _logger.debug(
                "%s → %sTRANSCRIPTION: %r from %r at %.2fs",
                data.source,
                interim,
                frame.text,
                frame.user_id,
                data.timestamp / 1e9,
            )
