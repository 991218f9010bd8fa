"""Frames: identity, text, defaults, kinds."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kit import Data, Lasting, Observed, Pass, System, raised, scenario
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames import frames as all_frames
from pipecat.frames.frames import (
    ControlFrame,
    DataFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    MetricsFrame,
    OutputAudioRawFrame,
    SystemFrame,
    TextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UninterruptibleFrame,
)
from pipecat.metrics.metrics import LLMTokenUsage, LLMUsageMetricsData, TTFBMetricsData
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection

MADE_UP: dict[str, Any] = {
    "text": "hello",
    "user_id": "user",
    "timestamp": "2024-01-01T00:00:00",
    "audio": b"\0\1" * 8,
    "sample_rate": 8000,
    "num_channels": 1,
    "image": b"abc",
    "size": (1, 1),
    "format": "RGB",
    "error": "broken",
    "message": {"a": 1},
    "messages": [{"role": "user", "content": "hello"}],
    "context_id": "context",
    "segment_id": 3,
    "button": KeypadEntry.FIVE,
    "function_name": "look_up",
    "tool_call_id": "call",
    "arguments": {"word": "x"},
    "result": "found",
    "data": [],
    "settings": {"voice": "v"},
    "mute": True,
    "enable": True,
    "params": None,
    "tools": [],
    "tool_choice": "auto",
    "function_calls": [],
    "images": [],
    "timeout": 3.0,
    "skip_tts": True,
    "transcript": "heard",
    "emulated": False,
    "keypress": KeypadEntry.ONE,
}


NEEDED = {
    (all_frames.OutputDTMFFrame, "button"),
    (all_frames.OutputDTMFUrgentFrame, "button"),
    (all_frames.ManuallySwitchServiceFrame, "service"),
}
"""Fields with a default that must be given all the same."""


def frame_classes() -> dict[str, type[Frame]]:
    return {
        name: value
        for name, value in sorted(vars(all_frames).items())
        if inspect.isclass(value)
        and issubclass(value, Frame)
        and value.__name__ == name
        and not name.endswith(("TaskFrame", "TaskSystemFrame"))  # see `old_names_of_requests`
    }


def made(cls: type[Frame]) -> Frame:
    """A frame of any class, with made up arguments where it needs some."""
    arguments = {}
    for field in dataclasses.fields(cls):
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if field.init and (required or (cls, field.name) in NEEDED):
            if field.name in ("service", "processor"):
                arguments[field.name] = Pass(name="some processor")
            elif field.name == "context":
                arguments[field.name] = LLMContext()
            else:
                arguments[field.name] = MADE_UP.get(field.name, f"some {field.name}")
    return cls(**arguments)


def plain(value: Any) -> Any:
    if isinstance(value, float) and value > 1e9:
        return "now"
    if value is None or isinstance(value, (bool, int, str, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return type(value).__name__


@scenario()
async def names_count_for_each_class() -> Observed:
    @dataclass
    class One(DataFrame):
        pass

    @dataclass
    class Other(SystemFrame):
        pass

    frames = [One(), One(), Other(), One()]
    ids = [frame.id for frame in frames]
    return {
        "names": [frame.name for frame in frames],
        "texts": [str(frame) for frame in frames],
        "rising": ids == sorted(set(ids)),
        "steps": [b - a for a, b in pairwise(ids)],
    }


@scenario(more=True)
async def defaults_of_every_class() -> Observed:
    observed = {}
    for name, cls in frame_classes().items():
        frame = made(cls)
        values = {
            field.name: plain(getattr(frame, field.name))
            for field in dataclasses.fields(cls)
            if field.name not in ("id", "name", "flush_id")
        }
        observed[name] = values
    return observed


@scenario(more=True)
async def text_of_every_class() -> Observed:
    observed = {}
    for name, cls in frame_classes().items():
        frame = made(cls)
        text = str(frame).replace(frame.name, f"{name}#n")
        observed[name] = text.replace(f"flush_id: {getattr(frame, 'flush_id', '')}", "flush_id: n")
    return observed


@scenario(
    differs={
        "name": "the old name is another name of the same class here, so `isinstance` holds both "
        "ways, and a frame carries the newer name"
    }
)
async def old_names_of_requests() -> Observed:
    old = all_frames.EndTaskFrame(reason="done")
    new = all_frames.EndWorkerFrame()
    return {
        "name": type(old).__name__,
        "old is new": isinstance(old, all_frames.EndWorkerFrame),
        "old is a task's": isinstance(old, all_frames.TaskFrame),
        "reason": old.reason,
        "lasting": not old.interruptible,
        "kinds": [
            issubclass(all_frames.StopTaskFrame, all_frames.StopWorkerFrame),
            issubclass(all_frames.CancelTaskFrame, all_frames.TaskSystemFrame),
            issubclass(all_frames.InterruptionTaskFrame, all_frames.WorkerSystemFrame),
        ],
        "new": new.reason,
    }


@scenario(more=True)
async def kind_of_every_class() -> Observed:
    return {
        name: [
            kind.__name__
            for kind in (SystemFrame, DataFrame, ControlFrame)
            if issubclass(cls, kind)
        ]
        + ([] if made(cls).interruptible else ["lasting"])
        for name, cls in frame_classes().items()
    }


@scenario()
async def fields_are_no_arguments() -> Observed:
    return {
        name: raised(TextFrame, "x", **{name: None})
        for name in ("id", "name", "pts", "metadata", "interruptible", "transport_source")
    }


@scenario()
async def interruptible_is_set_on_one_frame() -> Observed:
    frame, other = TextFrame("x"), TextFrame("y")
    frame.interruptible = False

    @dataclass
    class Mixed(DataFrame, UninterruptibleFrame):
        pass

    return {
        "this": frame.interruptible,
        "other": other.interruptible,
        "mixin": Mixed().interruptible,
        "class": Lasting().interruptible,
        "end": EndFrame().interruptible,
    }


@scenario()
async def frames_are_equal_to_themselves_only() -> Observed:
    one, other = Data("x"), Data("x")
    text, same = TextFrame("x"), TextFrame("x")
    return {
        "self": text == text,
        "same text": text == same,
        "same tag": one == other,
        "other kind": text == Data("x"),
    }


@scenario()
async def audio_frames_count_their_samples() -> Observed:
    return {
        "mono": InputAudioRawFrame(audio=b"\0" * 320, sample_rate=16000, num_channels=1).num_frames,
        "stereo": OutputAudioRawFrame(
            audio=b"\0" * 320, sample_rate=16000, num_channels=2
        ).num_frames,
        "tts": TTSAudioRawFrame(audio=b"\0" * 8, sample_rate=8000, num_channels=1).num_frames,
        "empty": OutputAudioRawFrame(audio=b"", sample_rate=8000, num_channels=1).num_frames,
    }


@scenario()
async def metadata_belongs_to_one_frame() -> Observed:
    one, other = Data(1), Data(2)
    one.metadata["key"] = "value"
    return {"one": one.metadata, "other": other.metadata}


@scenario()
async def text_of_metrics() -> Observed:
    usage = LLMUsageMetricsData(
        processor="p",
        model="m",
        value=LLMTokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3),
    )
    ttfb = TTFBMetricsData(processor="p", value=0.5)
    frame = MetricsFrame(data=[usage, ttfb])
    return {
        "dump": [item.model_dump() for item in frame.data],
        "without none": [item.model_dump(exclude_none=True) for item in frame.data],
        "json": [item.model_dump_json() for item in frame.data],
        "copy": ttfb.model_copy(update={"value": 1.5}).model_dump(),
        "equal": ttfb == TTFBMetricsData(processor="p", value=0.5),
        "positional": raised(TTFBMetricsData, "p", 0.5),
        "text": str(ttfb),
    }


@scenario()
async def transcription_fields() -> Observed:
    frame = TranscriptionFrame("hello", "user", "now")
    return {
        "language": plain(frame.language),
        "finalized": frame.finalized,
        "result": frame.result,
        "text": str(frame).replace(frame.name, "name"),
    }


@scenario()
async def direction_values() -> Observed:
    return {d.name: d.value for d in FrameDirection} | {"error": ErrorFrame("x").fatal}


@scenario()
async def copies_of_a_frame_class_share_nothing() -> Observed:
    first, second = System("a"), System("b")
    first.pts = 5
    first.transport_destination = "out"
    return {
        "pts": second.pts,
        "to": second.transport_destination,
        "siblings": first.broadcast_sibling_id,
    }
