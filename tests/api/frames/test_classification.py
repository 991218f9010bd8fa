"""The table of class facts that the engine goes by."""

from dataclasses import dataclass, field

import pytest
from pipecat_rs.frames import frames as f
from pipecat_rs.frames.classification import (
    CONTROL,
    DROPPABLE_BIT,
    ERROR,
    KIND_SHIFT,
    SYSTEM,
    UNINTERRUPTIBLE,
    engine_bits,
)

ALL = [
    cls
    for cls in (getattr(f, name) for name in f.__all__)
    if isinstance(cls, type) and issubclass(cls, f.Frame)
]
GENERATED = {
    f.AggregatedTextFrame,
    f.AggregatedTextProgressFrame,
    f.AssistantImageRawFrame,
    f.LLMFullResponseEndFrame,
    f.LLMFullResponseStartFrame,
    f.LLMTextFrame,
    f.OutputAudioRawFrame,
    f.OutputImageRawFrame,
    f.SpeechOutputAudioRawFrame,
    f.SpriteFrame,
    f.TTSAudioRawFrame,
    f.TTSStartedFrame,
    f.TTSStoppedFrame,
    f.TTSTextFrame,
    f.URLImageRawFrame,
    f.VisionFullResponseEndFrame,
    f.VisionFullResponseStartFrame,
    f.VisionTextFrame,
}
KINDS = {
    f.StartFrame: 1,
    f.EndFrame: 2,
    f.StopFrame: 3,
    f.CancelFrame: 4,
    f.InterruptionFrame: 5,
    f.ErrorFrame: 6,
    f.FatalErrorFrame: 6,
    f.HeartbeatFrame: 7,
    f.EndWorkerFrame: 8,
    f.StopWorkerFrame: 9,
    f.CancelWorkerFrame: 10,
    f.InterruptionWorkerFrame: 11,
    f.FrameProcessorPauseFrame: 12,
    f.FrameProcessorPauseUrgentFrame: 13,
    f.FrameProcessorResumeFrame: 14,
    f.FrameProcessorResumeUrgentFrame: 15,
    f.MetricsFrame: 16,
    f.PipelineFlushFrame: 17,
}


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_bits_follow_the_class(cls: type[f.Frame]):
    bits = engine_bits(cls)
    is_system = issubclass(cls, f.SystemFrame)
    assert bool(bits & SYSTEM) is is_system
    assert bool(bits & CONTROL) is (issubclass(cls, f.ControlFrame) and not is_system)
    assert bool(bits & UNINTERRUPTIBLE) is not cls.interruptible
    assert bool(bits & DROPPABLE_BIT) is (cls in GENERATED)
    assert bool(bits & ERROR) is issubclass(cls, f.ErrorFrame)
    assert bits >> KIND_SHIFT == KINDS.get(cls, 0)


def test_a_class_that_is_data_and_system_is_system():
    assert issubclass(f.InputTextRawFrame, f.DataFrame)
    assert engine_bits(f.InputTextRawFrame) & SYSTEM


def test_users_classes_inherit_the_facts():
    @dataclass
    class MyAudio(f.TTSAudioRawFrame):
        pass

    @dataclass
    class LastingAudio(f.TTSAudioRawFrame):
        interruptible: bool = field(default=False, init=False)

    @dataclass
    class MyEnd(f.EndFrame):
        pass

    assert engine_bits(MyAudio) == DROPPABLE_BIT
    assert engine_bits(LastingAudio) == UNINTERRUPTIBLE
    assert engine_bits(MyEnd) >> KIND_SHIFT == 2


@pytest.mark.parametrize(
    "cls",
    [
        f.TextFrame,
        f.TranscriptionFrame,
        f.InterimTranscriptionFrame,
        f.FunctionCallResultFrame,
        f.LLMMessagesAppendFrame,
        f.LLMContextFrame,
        f.TTSSpeakFrame,
        f.InputAudioRawFrame,
    ],
)
def test_what_nobody_generated_is_never_stale(cls: type[f.Frame]):
    assert not engine_bits(cls) & DROPPABLE_BIT
