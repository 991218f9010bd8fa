"""Every frame class of pipecat is here, with the same bases, constructor and defaults."""

import dataclasses
import inspect
from pathlib import Path

import pytest
from pipecat_rs.frames import frames

TABLE = Path(__file__).with_name("pipecat_frames.txt")
OF_EVERY_FRAME = [field.name for field in dataclasses.fields(frames.Frame)]


def rows() -> list[list[str]]:
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in (line + " | | | | ").split("|")[:5]] for line in lines]


@pytest.mark.parametrize(
    ("name", "bases", "arguments", "others", "keeps"), rows(), ids=[row[0] for row in rows()]
)
def test_class_is_as_in_pipecat(name: str, bases: str, arguments: str, others: str, keeps: str):
    cls = getattr(frames, name)
    assert cls.__name__ == name
    assert [b.__name__ for b in cls.__mro__[1:] if b.__name__.endswith("Frame")] == bases.split()
    parameters = list(inspect.signature(cls).parameters.values())
    assert [_described(parameter) for parameter in parameters] == arguments.split()
    own = [f.name for f in dataclasses.fields(cls) if not f.init and f.name not in OF_EVERY_FRAME]
    assert own == others.split()
    if issubclass(cls, frames.Frame):
        assert cls.interruptible is (keeps == "")


def _described(parameter: inspect.Parameter) -> str:
    only_by_name = "*" if parameter.kind is inspect.Parameter.KEYWORD_ONLY else ""
    optional = "" if parameter.default is inspect.Parameter.empty else "?"
    return f"{only_by_name}{parameter.name}{optional}"


def test_every_frame_lists_the_fields_of_all_frames():
    for name in frames.__all__:
        cls = getattr(frames, name)
        if inspect.isclass(cls) and issubclass(cls, frames.Frame):
            names = [field.name for field in dataclasses.fields(cls)]
            assert set(OF_EVERY_FRAME) <= set(names), name


def test_all_names_are_exported():
    public = {name for name in vars(frames) if not name.startswith("_")}
    assert public - {"annotations", "TYPE_CHECKING", "Any"} <= set(frames.__all__)
    assert len(set(frames.__all__)) == len(frames.__all__)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("EndTaskFrame", "EndWorkerFrame"),
        ("StopTaskFrame", "StopWorkerFrame"),
        ("CancelTaskFrame", "CancelWorkerFrame"),
        ("InterruptionTaskFrame", "InterruptionWorkerFrame"),
        ("BotInterruptionFrame", "InterruptionWorkerFrame"),
        ("StartInterruptionFrame", "InterruptionFrame"),
        ("TransportMessageFrame", "OutputTransportMessageFrame"),
        ("TransportMessageUrgentFrame", "OutputTransportMessageUrgentFrame"),
        ("AggregationType", "TextType"),
    ],
)
def test_old_names_are_the_new_classes(old: str, new: str):
    assert getattr(frames, old) is getattr(frames, new)


def test_keypad_entry_is_found_where_it_used_to_be():
    from pipecat_rs.audio.dtmf.types import KeypadEntry

    assert frames.KeypadEntry is KeypadEntry


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="NoSuchFrame"):
        _ = frames.NoSuchFrame
