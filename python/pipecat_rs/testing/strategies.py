"""Hypothesis strategies for frames, topologies and schedules (extra ``testing``).

A property says what holds for every pipeline, whatever it is built of and whatever is sent:

    @given(parts=topologies(st.builds(a_single)), schedule=schedules(data_frames()))
    def test_nothing_is_lost(parts, schedule):
        run_in_virtual_time(check(build(parts), schedule))

Frames are made with the fields that they need; fields with a default keep it unless a strategy is
given for them. Frames are objects with an identity, so draw them where they are sent once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.audio.vad.vad_analyzer import VADParams
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames import frames as facade
from pipecat_rs.frames.frames import ControlFrame, DataFrame, Frame, SystemFrame
from pipecat_rs.pipeline.sync_parallel_pipeline import FrameOrder
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.filters.identity_filter import IdentityFilter
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing.topologies import (
    COMPOUNDS,
    Chain,
    Parallel,
    Part,
    Single,
    Switcher,
    Synchronised,
)

try:
    from hypothesis import strategies as st
except ImportError as missing:
    raise MissingDependencyError.of(
        "hypothesis", needed_by="pipecat_rs.testing.strategies", extra="testing"
    ) from missing

__all__ = [
    "DIRECTING",
    "Moment",
    "control_frames",
    "data_frames",
    "frame_classes",
    "frames",
    "frames_of",
    "schedules",
    "system_frames",
    "topologies",
    "uninterruptible_frames",
]

_F = TypeVar("_F", bound=Frame)
_T = TypeVar("_T")

DIRECTING: tuple[type[Frame], ...] = (
    facade.StartFrame,
    facade.EndFrame,
    facade.StopFrame,
    facade.CancelFrame,
    facade.EndTaskFrame,
    facade.StopTaskFrame,
    facade.CancelTaskFrame,
    facade.InterruptionFrame,
    facade.InterruptionTaskFrame,
    facade.FrameProcessorPauseFrame,
    facade.FrameProcessorPauseUrgentFrame,
    facade.FrameProcessorResumeFrame,
    facade.FrameProcessorResumeUrgentFrame,
    facade.ServiceSwitcherFrame,
    facade.ServiceSwitcherRequestMetadataFrame,
    facade.PipelineFlushFrame,
    facade.HeartbeatFrame,
    facade.ErrorFrame,
)
"""Frames that direct pipelines; subclasses included. They are drawn only if they are asked for."""

_OLD = ("LLMMessagesFrame",)
"""Deprecated classes that warn when they are made."""


# ---- frames

_texts = st.text(max_size=20)
_names = st.text("abcdefgh_0123", min_size=1, max_size=8)
_seconds = st.floats(0, 60)
_mappings = st.dictionaries(_names, st.one_of(st.integers(), _texts), max_size=3)
_messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": _texts}),
    max_size=3,
)
_sizes = st.tuples(st.integers(1, 4), st.integers(1, 4))

_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "accumulated_text": _texts,
    "arguments": _mappings,
    "button": st.sampled_from(KeypadEntry),
    "context": st.builds(LLMContext, _messages),
    "context_id": st.none() | _names,
    "data": st.just([]),
    "enable": st.booleans(),
    "error": _texts,
    "file": _names,
    "filename": st.none() | _names,
    "format": st.sampled_from(["RGB"]),
    "function_calls": st.just(()),
    "function_name": _names,
    "gain": st.floats(0, 4),
    "last_summarized_index": st.integers(0, 100),
    "marker": _names,
    "message": _mappings,
    "messages": _messages,
    "min_messages_to_keep": st.integers(0, 10),
    "mute": st.booleans(),
    "params": st.builds(VADParams),
    "processor": st.builds(IdentityFilter),
    "raw": _texts,
    "remaining_text": _texts,
    "request_id": _names,
    "result": _mappings | _texts,
    "segment_id": st.integers(0, 100),
    "service": st.builds(IdentityFilter),
    "service_name": _names,
    "settings": _mappings,
    "skip_tts": st.booleans(),
    "summarization_prompt": _texts,
    "summary": _texts,
    "target_context_tokens": st.integers(1, 10_000),
    "text": _texts,
    "text_type": st.sampled_from(["word", "sentence"]),
    "timeout": _seconds,
    "tool_call_id": _names,
    "tool_choice": st.sampled_from(["none", "auto", "required"]),
    "tools": st.just([]),
    "transform": st.just(list),
    "ttfs_p99_latency": _seconds,
    "user_id": _names,
    "volume": st.floats(0, 1),
}
"""Fields without a default, by what they are called in pipecat's frames."""

_BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "str": _texts,
    "int": st.integers(0, 1_000_000),
    "float": _seconds,
    "bool": st.booleans(),
    "bytes": st.binary(max_size=8),
    "Any": _texts,
}
"""The same for fields of other names, which a program's own frames have."""


def frames_of(frame_class: type[_F], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[_F]:
    """Frames of one class.

    Args:
        frame_class: The class; a dataclass derived from `Frame`.
        **fields: Strategies for fields; those without a default have one already if their name is
            one of pipecat's or their type a plain one.

    Raises:
        TypeError: If a field needs a strategy and none is given.
    """
    together = _together(frame_class)
    known = _choices(frame_class) | fields
    for field in dataclasses.fields(frame_class):
        needed = (
            field.init
            and field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        )
        if needed and field.name not in known and field.name not in together[0]:
            known[field.name] = _strategy_of(frame_class, field)
    alone = st.fixed_dictionaries(known)
    return st.builds(lambda media, rest: frame_class(**media | rest), together[1], alone)


def _strategy_of(frame_class: type[Frame], field: dataclasses.Field[Any]) -> st.SearchStrategy[Any]:
    type_name = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")
    # One name stands for two types of moments: a count of ns, or a text of the wall clock.
    if field.name in _BY_NAME:
        return _BY_NAME[field.name]
    if type_name in _BY_TYPE:
        return _BY_TYPE[type_name]
    if field.name == "type" and type_name == "FileSourceType":
        return st.sampled_from(["bytes", "url"])
    if isinstance(field.type, type):
        return st.from_type(field.type)
    raise TypeError(
        f"{frame_class.__name__}.{field.name} is a {type_name}: give a strategy for it, as in "
        f"frames_of({frame_class.__name__}, {field.name}=...)"
    )


def _together(frame_class: type[Frame]) -> tuple[set[str], st.SearchStrategy[dict[str, Any]]]:
    """Fields of media, which have to agree with each other."""
    names = {field.name for field in dataclasses.fields(frame_class)}
    if names >= _SOUND:
        return _SOUND, st.builds(_sound, st.integers(1, 2), _rates, st.integers(1, 480))
    if names >= _PICTURE:
        return _PICTURE, _sizes.map(_picture)
    return set(), st.just({})


_SOUND, _PICTURE = {"audio", "sample_rate", "num_channels"}, {"image", "size"}
_rates = st.sampled_from([8000, 16000, 24000, 48000])


def _sound(channels: int, rate: int, samples: int) -> dict[str, Any]:
    return {
        "audio": bytes(2 * channels * samples),
        "sample_rate": rate,
        "num_channels": channels,
    }


def _picture(size: tuple[int, int]) -> dict[str, Any]:
    return {"image": bytes(3 * size[0] * size[1]), "size": size}


def _choices(frame_class: type[Frame]) -> dict[str, st.SearchStrategy[Any]]:
    """Fields with a default of which one has to be given."""
    if issubclass(frame_class, facade.OutputDTMFFrame | facade.OutputDTMFUrgentFrame):
        return {"button": _BY_NAME["button"]}
    if issubclass(frame_class, facade.ManuallySwitchServiceFrame):
        return {"service_index": st.integers(0, 3)}
    if issubclass(frame_class, facade.SpriteFrame):
        return {"images": st.lists(frames_of(facade.OutputImageRawFrame), max_size=2)}
    return {}


def frame_classes(
    *kinds: type[Frame], exclude: Collection[type[Frame]] = DIRECTING
) -> list[type[Frame]]:
    """Return pipecat's frame classes of some kinds.

    Args:
        *kinds: Base classes; every frame if none is given.
        exclude: Classes that are left out, with those derived from them.
    """
    wanted, unwanted = kinds or (Frame,), tuple(exclude)
    found = (getattr(facade, name) for name in facade.__all__)
    classes = {
        cls: None
        for cls in found
        if isinstance(cls, type)
        and issubclass(cls, wanted)
        and not issubclass(cls, unwanted)
        and cls.__name__ not in _OLD
    }
    return list(classes)


def frames(
    *kinds: type[Frame], exclude: Collection[type[Frame]] = DIRECTING
) -> st.SearchStrategy[Frame]:
    """Frames of all of pipecat's classes, or of those of some kinds.

    Args:
        *kinds: Base classes; every frame if none is given.
        exclude: Classes that are left out, with those derived from them.
    """
    return st.sampled_from(frame_classes(*kinds, exclude=exclude)).flatmap(frames_of)


def data_frames() -> st.SearchStrategy[Frame]:
    """Frames of content that take the data lane."""
    return _drawn(lambda cls: issubclass(cls, DataFrame) and not issubclass(cls, SystemFrame))


def control_frames() -> st.SearchStrategy[Frame]:
    """Frames that keep their place among data frames and change what follows."""
    return _drawn(lambda cls: issubclass(cls, ControlFrame) and not issubclass(cls, SystemFrame))


def system_frames() -> st.SearchStrategy[Frame]:
    """Frames that overtake the others."""
    return _drawn(lambda cls: issubclass(cls, SystemFrame))


def uninterruptible_frames() -> st.SearchStrategy[Frame]:
    """Frames of the data lane which no interruption drops, by their class or their own word."""

    def protect(frame: Frame) -> Frame:
        frame.interruptible = False
        return frame

    def is_protected(cls: type[Frame]) -> bool:
        return not issubclass(cls, SystemFrame) and cls.interruptible is False

    return data_frames().map(protect) | _drawn(is_protected)


def _drawn(wanted: Callable[[type[Frame]], bool]) -> st.SearchStrategy[Frame]:
    classes = [cls for cls in frame_classes() if wanted(cls)]
    return st.sampled_from(classes).flatmap(frames_of)


# ---- topologies


def topologies(
    singles: st.SearchStrategy[Single],
    *,
    min_size: int = 1,
    max_size: int = 4,
    max_leaves: int = 6,
    compounds: Sequence[type[Part]] = COMPOUNDS,
) -> st.SearchStrategy[list[Part]]:
    """Sequences of parts for `pipecat_rs.testing.topologies.build`.

    Args:
        singles: Describes one processor; `Single("name", function_that_makes_it)`.
        min_size: How many parts there are at least.
        max_size: How many parts there are at most.
        max_leaves: About how many processors a part consists of at most.
        compounds: Which compounds there may be.
    """

    def of(part: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
        sequence = st.lists(part, max_size=2).map(tuple)
        branches = st.lists(sequence, min_size=1, max_size=3).map(tuple)
        kinds: dict[type[Part], st.SearchStrategy[Any]] = {
            Chain: st.builds(Chain, sequence),
            Parallel: st.builds(Parallel, branches),
            Synchronised: st.builds(Synchronised, branches, st.sampled_from(FrameOrder)),
            Switcher: st.builds(Switcher, st.lists(singles, min_size=1, max_size=2).map(tuple)),
        }
        return st.one_of([kinds[kind] for kind in compounds])

    leaf = cast("st.SearchStrategy[Part]", singles)
    part = st.recursive(leaf, of, max_leaves=max_leaves) if compounds else leaf
    return st.lists(part, min_size=min_size, max_size=max_size)


# ---- schedules


class Moment(NamedTuple):
    """Something that is sent.

    Attributes:
        what: What is sent: whatever the strategy given to `schedules` draws.
        direction: Which way it is sent.
        passes: How often the loop has its turn after it.
    """

    what: Any
    direction: FrameDirection
    passes: int


def schedules(
    what: st.SearchStrategy[Any],
    *,
    max_size: int = 20,
    max_passes: int = 2,
    directions: Sequence[FrameDirection] = (
        FrameDirection.DOWNSTREAM,
        FrameDirection.DOWNSTREAM,
        FrameDirection.UPSTREAM,
    ),
) -> st.SearchStrategy[list[Moment]]:
    """Lists of what is sent, which way, and how often the loop has its turn after each.

    Args:
        what: What is sent: frames, classes of frames, or anything else that a test makes something
            of.
        max_size: How long a list is at most.
        max_passes: How many passes of the loop there are at most after each.
        directions: What is drawn from, each as often as it is there.
    """
    moment = st.builds(Moment, what, st.sampled_from(directions), st.integers(0, max_passes))
    return st.lists(moment, max_size=max_size)
