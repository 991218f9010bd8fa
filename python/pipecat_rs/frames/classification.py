"""What the engine knows of a frame class: the one table behind its guarantees.

The engine never asks a frame what it is. It asks `engine_bits` once for each class, and keeps
the answer. `DROPPABLE` is the table of what an interruption makes stale: a frame of these
classes which was made before the interruption passes no link after it. Everything else does:
tool results, context updates, lifecycle frames, the user's own words, and whatever is
uninterruptible.
"""

from __future__ import annotations

from typing import Final

from pipecat_rs.frames import (
    audio,
    base,
    error,
    image,
    lifecycle,
    llm,
    speech,
    text,
    turn,
)

SYSTEM: Final = 1 << 0
"""Takes the system lane. Wins over data for a class which is both."""
CONTROL: Final = 1 << 1
"""Takes the data lane, as control."""
UNINTERRUPTIBLE: Final = 1 << 2
"""No interruption drops or cancels it, unless one frame says otherwise of itself."""
DROPPABLE_BIT: Final = 1 << 3
"""Output of a turn; stale after an interruption."""
ERROR: Final = 1 << 4
"""Reports an error."""
OWN_WORDS: Final = 1 << 5
"""Some frame of the class says for itself whether an interruption may drop it."""
PROTECTED_BIT: Final = 1 << 7
"""Waits through an interruption."""
KIND_SHIFT: Final = 8
"""Where the number of `KINDS` begins."""

DROPPABLE: Final[tuple[type[base.Frame], ...]] = (
    audio.OutputAudioRawFrame,
    image.OutputImageRawFrame,
    image.SpriteFrame,
    llm.LLMFullResponseStartFrame,
    llm.LLMFullResponseEndFrame,
    speech.TTSStartedFrame,
    speech.TTSStoppedFrame,
    text.AggregatedTextFrame,
    text.AggregatedTextProgressFrame,
    text.LLMTextFrame,
)
"""Generated media and text, and the marks around it; subclasses included."""

PROTECTED: Final[tuple[type[base.Frame], ...]] = (
    text.TranscriptionFrame,
    text.InterimTranscriptionFrame,
    llm.LLMMessagesAppendFrame,
    llm.LLMMessagesUpdateFrame,
    llm.LLMSetToolsFrame,
    llm.LLMSetToolChoiceFrame,
)
"""The user's own words and updates of the context: an interruption drops none that waits in a
mailbox; subclasses included. Processing one of them is cancelled like any other."""

KINDS: Final[tuple[tuple[type[base.Frame], int], ...]] = (
    (lifecycle.StartFrame, 1),
    (lifecycle.EndFrame, 2),
    (lifecycle.StopFrame, 3),
    (lifecycle.CancelFrame, 4),
    (turn.InterruptionFrame, 5),
    (error.ErrorFrame, 6),
    (lifecycle.HeartbeatFrame, 7),
    (lifecycle.EndWorkerFrame, 8),
    (lifecycle.StopWorkerFrame, 9),
    (lifecycle.CancelWorkerFrame, 10),
    (lifecycle.InterruptionWorkerFrame, 11),
    (lifecycle.FrameProcessorPauseFrame, 12),
    (lifecycle.FrameProcessorPauseUrgentFrame, 13),
    (lifecycle.FrameProcessorResumeFrame, 14),
    (lifecycle.FrameProcessorResumeUrgentFrame, 15),
    (lifecycle.MetricsFrame, 16),
    (lifecycle.PipelineFlushFrame, 17),
)
"""Frames that the engine acts on, and their numbers; 0 is any other frame."""


def engine_bits(cls: type) -> int:
    """Return the facts of a frame class as one number.

    Bit 0 system, 1 control, 2 uninterruptible, 3 droppable, 4 error, 5 own words, 7 protected;
    bits 8 to 15 the number from `KINDS`.

    Args:
        cls: A frame class, `Frame` or derived from it.

    Raises:
        TypeError: If it is no frame class.
    """
    if not issubclass(cls, base.Frame):
        raise TypeError(
            f"a frame is needed, not an object of {cls.__module__}.{cls.__qualname__}: "
            "derive its class from DataFrame, ControlFrame or SystemFrame"
        )
    system = issubclass(cls, base.SystemFrame)
    uninterruptible = getattr(cls, "interruptible", True) is False
    bits = 0
    if system:
        bits |= SYSTEM
    elif issubclass(cls, base.ControlFrame):
        bits |= CONTROL
    if uninterruptible:
        bits |= UNINTERRUPTIBLE
    if issubclass(cls, DROPPABLE) and not system and not uninterruptible:
        bits |= DROPPABLE_BIT
    if issubclass(cls, error.ErrorFrame):
        bits |= ERROR
    if issubclass(cls, PROTECTED) and not system:
        bits |= PROTECTED_BIT
    if cls in base.classes_with_own_words:
        bits |= OWN_WORDS
    kind = next((number for known, number in KINDS if issubclass(cls, known)), 0)
    return bits | kind << KIND_SHIFT
