"""What frames do beyond holding values."""

import copy
import dataclasses
import pickle
import subprocess
import sys
import warnings
from dataclasses import dataclass, field

import pytest
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    BotBackchannelFrame,
    ControlFrame,
    DataFrame,
    EndFrame,
    ErrorCategory,
    ErrorFrame,
    FatalErrorFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    LLMTextFrame,
    LLMThoughtStartFrame,
    ManuallySwitchServiceFrame,
    OutputAudioRawFrame,
    OutputDTMFFrame,
    OutputDTMFUrgentFrame,
    PipelineFlushFrame,
    StartFrame,
    TextFrame,
    TextType,
    TranscriptionFrame,
    TTSSpeakFrame,
    TTSTextFrame,
    UninterruptibleFrame,
    format_pts,
)


def test_metadata_belongs_to_one_frame():
    first, second = TextFrame("a"), TextFrame("b")
    first.metadata["key"] = 1
    assert first.metadata == {"key": 1}
    assert second.metadata == {}
    second.metadata = {"other": 2}
    assert second.metadata == {"other": 2}


def test_name_can_be_read_late_and_set():
    first = TextFrame("a")
    TextFrame("b")
    number = int(first.name.removeprefix("TextFrame#"))
    assert TextFrame("c").name == f"TextFrame#{number + 2}"
    first.name = "mine"
    assert (first.name, str(first)) == ("mine", "mine(pts: None, text: [a])")


def test_a_frame_equals_itself_alone_and_can_be_a_key():
    frame = TextFrame("a")
    assert frame == frame
    assert frame != TextFrame("a")
    assert {frame: 1}[frame] == 1


def test_repr_shows_every_field():
    shown = repr(TranscriptionFrame("hi", "user", "now"))
    for each in ("id=", "name='TranscriptionFrame#", "text='hi'", "user_id='user'", "pts=None"):
        assert each in shown


def test_copy_and_pickle_keep_identity():
    frame = TextFrame("a")
    frame.pts = 5
    for other in (copy.copy(frame), copy.deepcopy(frame), pickle.loads(pickle.dumps(frame))):
        assert (other.id, other.name, other.pts, other.text) == (frame.id, frame.name, 5, "a")


def test_users_may_derive_frames_with_a_plain_dataclass():
    @dataclass
    class Tagged(TextFrame):
        tag: str
        notes: list[str] = field(default_factory=list)
        metadata: dict[str, int] = field(init=False)

    frame = Tagged("hi", "a tag")
    assert (frame.text, frame.tag, frame.notes, frame.metadata) == ("hi", "a tag", [], {})
    assert frame.name == "Tagged#0"
    assert "tag='a tag'" in repr(frame)
    assert frame == frame


def test_users_may_extend_post_init():
    @dataclass
    class Measured(TextFrame):
        def __post_init__(self) -> None:
            super().__post_init__()
            self.length = len(self.text)

    assert Measured("four").length == 4


def test_a_class_or_a_frame_decides_whether_it_is_interruptible():
    @dataclass
    class Lasting(ControlFrame):
        interruptible: bool = field(default=False, init=False)

    assert not Lasting().interruptible
    assert not EndFrame().interruptible
    speak = TTSSpeakFrame("hello")
    assert speak.interruptible
    speak.interruptible = False
    assert not speak.interruptible
    assert TTSSpeakFrame("again").interruptible


def test_the_old_mixin_makes_frames_uninterruptible():
    @dataclass
    class Old(DataFrame, UninterruptibleFrame):
        text: str

    @dataclass
    class Younger(Old):
        pass

    assert not Old("a").interruptible
    assert not Younger("a").interruptible
    assert TextFrame("a").interruptible


def test_reading_the_start_frames_settings_warns():
    frame = StartFrame(audio_in_sample_rate=8000)
    with pytest.warns(DeprecationWarning, match=r"StartFrame\.audio_in_sample_rate"):
        assert frame.audio_in_sample_rate == 8000
    with pytest.warns(DeprecationWarning):
        assert StartFrame().audio_out_sample_rate == 24000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert frame.tracing_context is None
        assert "audio_in_sample_rate=8000" in repr(frame)
        copy.copy(frame)


def test_errors_mask_credentials():
    frame = ErrorFrame("rejected api_key=abc123", category=ErrorCategory.AUTHENTICATION)
    assert frame.error == "rejected api_key=[REDACTED]"
    assert "category: authentication" in str(frame)
    assert "category" not in str(ErrorFrame("x", category=ErrorCategory.UNKNOWN))


def test_fatal_warns_when_it_is_chosen():
    with pytest.warns(DeprecationWarning, match="fatal"):
        assert ErrorFrame("x", fatal=True).fatal
    assert FatalErrorFrame("x").fatal


def test_keypad_frames():
    assert OutputDTMFFrame.from_string("12#").buttons == [
        KeypadEntry.ONE,
        KeypadEntry.TWO,
        KeypadEntry.POUND,
    ]
    assert OutputDTMFUrgentFrame(button=KeypadEntry.STAR).to_string() == "*"
    assert str(InputDTMFFrame(KeypadEntry.FIVE)).endswith("(tone: 5)")
    with pytest.raises(ValueError, match="buttons"):
        OutputDTMFFrame()
    with pytest.raises(ValueError, match="x"):
        OutputDTMFFrame.from_string("x")


def test_a_switch_frame_names_a_service_or_its_place():
    assert ManuallySwitchServiceFrame(service_index=1).service_index == 1
    service = object()
    assert ManuallySwitchServiceFrame(service).service is service  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="either"):
        ManuallySwitchServiceFrame()
    with pytest.raises(ValueError, match="either"):
        ManuallySwitchServiceFrame(service=service, service_index=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", [AggregatedTextFrame, TTSTextFrame])
def test_text_type_by_its_old_name(cls: type[AggregatedTextFrame]):
    with pytest.warns(DeprecationWarning, match="text_type"):
        frame = cls("hi", aggregated_by="word")  # type: ignore[call-arg]
    assert frame.text_type == "word"
    with pytest.warns(DeprecationWarning):
        assert frame.aggregated_by == "word"
    with pytest.warns(DeprecationWarning):
        frame.aggregated_by = "sentence"
    assert frame.text_type == "sentence"


def test_defaults_that_differ_by_class():
    assert not TextFrame("a").includes_inter_frame_spaces
    assert LLMTextFrame("a").includes_inter_frame_spaces
    backchannel = BotBackchannelFrame("mm-hmm")
    assert backchannel.text_type is TextType.BACKCHANNEL
    assert not backchannel.append_to_context
    with pytest.raises(ValueError, match="llm"):
        LLMThoughtStartFrame(append_to_context=True)
    with pytest.warns(DeprecationWarning):
        assert TTSSpeakFrame("a", append_to_context=None).append_to_context is True  # type: ignore[arg-type]


def test_text_types_print_as_their_values():
    assert f"{TextType.SENTENCE}" == "sentence"
    assert TextType.WORD == "word"


def test_flush_ids_differ():
    assert PipelineFlushFrame().flush_id != PipelineFlushFrame().flush_id


def test_audio_frames_count_samples_per_channel():
    assert OutputAudioRawFrame(bytes(640), 16000, 1).num_frames == 320
    assert InputAudioRawFrame(bytes(640), 16000, 2).num_frames == 160
    shown = str(OutputAudioRawFrame(bytes(640), 16000, 1))
    assert "size: 640, frames: 320, sample_rate: 16000, channels: 1" in shown


def test_pts_as_text():
    assert format_pts(None) is None
    assert format_pts(3_723_000_001_000) == "1:02:03.000001"


def test_replace_and_asdict_work_on_frames():
    frame = TextFrame("a")
    assert dataclasses.asdict(frame)["text"] == "a"
    assert dataclasses.replace(frame, text="b").text == "b"


def test_frames_import_nothing_heavy_and_nothing_above_them():
    code = (
        "import sys; sys.path[:] = [p for p in sys.path if p]\n"
        "import pipecat_rs.frames.frames\n"
        "above = [m for m in sys.modules if m.startswith('pipecat_rs.')"
        " and not m.startswith(('pipecat_rs.frames', 'pipecat_rs._core'))]\n"
        "heavy = {'numpy', 'pydantic', 'loguru', 'asyncio'} & set(sys.modules)\n"
        "print(above, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"
