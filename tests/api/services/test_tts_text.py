"""What text-to-speech speaks in place of what was written."""

from collections.abc import AsyncGenerator, Iterator

import pytest
from pipecat_rs.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat_rs.services.settings import TTSSettings
from pipecat_rs.services.tts_service import TTSService
from pipecat_rs.utils.text.base_text_filter import BaseTextFilter
from pipecat_rs.utils.text.markdown_text_filter import MarkdownTextFilter
from pipecat_rs.utils.text.transforms import VoiceFormatter, expand_numbers, strip_markdown
from support.passage import passage, passed

RATE = 24_000


class Voice(TTSService):
    """Keeps what it was given to speak."""

    def __init__(self, **kwargs) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model="m", voice="v", language=None),
            sample_rate=RATE,
            **kwargs,
        )
        self.said: list[str] = []

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        self.said.append(text)
        yield TTSAudioRawFrame(b"\x01\x00" * 240, RATE, 1, context_id=context_id)


class Spelling(Voice):
    """Has markup for pronunciations, and reads it if told to."""

    reads = True

    @classmethod
    def format_pronunciation(cls, word: str, ipa: str) -> str | None:
        return f"<{word}:{ipa}>" if ipa else None

    @property
    def supports_pronunciations(self) -> bool:
        return self.reads


def answer(*tokens: str) -> list[Frame]:
    return [
        LLMFullResponseStartFrame(),
        *(LLMTextFrame(token) for token in tokens),
        LLMFullResponseEndFrame(),
    ]


def texts(frames) -> list[str]:
    return [f.text for f in frames if type(f) is TTSTextFrame]


async def test_transforms_change_what_is_spoken_and_not_what_was_said():
    voice = Voice(text_transforms=[("*", strip_markdown), ("sentence", expand_numbers())])
    down, _ = await passed(voice, frames=answer("**Room", " 42** is `it`. ", "Or 7."))
    assert voice.said == ["Room forty-two is it.", "Or seven."]
    assert texts(down) == ["**Room 42** is `it`.", "Or 7."]


async def test_what_leaves_nothing_is_not_spoken():
    voice = Voice(text_transforms=[("*", strip_markdown)])
    await passed(voice, frames=answer("Here. ", "~~Gone.~~"))
    assert voice.said == ["Here."]


async def test_all_transforms_as_one():
    voice = Voice()
    formatter = VoiceFormatter()
    voice.add_text_transformer(formatter)
    await passed(voice, frames=answer("It is *$5* via HTTP."))
    assert voice.said == ["It is five dollars via H T T P."]

    silent = Voice()
    silent.add_text_transformer(formatter, "sentence")
    silent.remove_text_transformer(formatter, "sentence")
    await passed(silent, frames=answer("It is *$5*."))
    assert silent.said == ["It is *$5*."]


@pytest.fixture
def deprecated_filters() -> Iterator[None]:
    with pytest.warns(DeprecationWarning, match="Use `text_transforms` instead"):
        yield


@pytest.mark.filterwarnings("ignore:`MarkdownTextFilter`:DeprecationWarning")
@pytest.mark.usefixtures("deprecated_filters")
async def test_filters_come_before_transforms_and_keep_their_state_within_an_answer():
    code = MarkdownTextFilter(MarkdownTextFilter.InputParams(filter_code=True))
    voice = Voice(text_filters=[code], text_transforms=[("*", expand_numbers())])
    await passed(
        voice,
        frames=[
            *answer("Take *1*. ", "Look: ```x = 2. ", "Then y = 3. ", "``` Done 4."),
            # Nothing of the block that was never closed is left for the next answer.
            *answer("Also ```x = 5."),
            *answer("After."),
        ],
    )
    assert voice.said == ["Take one.", "Look:", "Done four.", "Also", "After."]


@pytest.mark.usefixtures("deprecated_filters")
async def test_an_interruption_reaches_the_filters():
    class Quiet(BaseTextFilter):
        interrupted = resumed = False

        async def filter(self, text: str) -> str:
            return text.lower()

        async def handle_interruption(self) -> None:
            self.interrupted = True

        async def reset_interruption(self) -> None:
            self.resumed = self.interrupted

    quiet = Quiet()
    voice = Voice(text_filters=[quiet])
    async with passage(voice) as ways:
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        assert quiet.interrupted
        assert not quiet.resumed
        await ways.send(*answer("AFTER."))
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
    assert quiet.resumed
    assert voice.said == ["after."]


async def test_pronunciations_are_written_for_the_service():
    transform = Spelling.pronunciation_transform_ipa({"Metformin": "mɛt"})
    voice = Spelling(text_transforms=[("*", strip_markdown), ("*", transform)])
    down, _ = await passed(voice, frames=answer("Take **metformin**."))
    assert voice.said == ["Take <metformin:mɛt>."]
    assert texts(down) == ["Take **metformin**."]


async def test_pronunciations_that_cannot_be_read_are_left_out(caplog: pytest.LogCaptureFixture):
    transform = Spelling.pronunciation_transform_ipa({"one": "w", "two": ""})
    assert "Spelling" in caplog.text and "two" in caplog.text
    caplog.clear()
    voice = Spelling(text_transforms=[("*", transform)])
    voice.reads = False
    await passed(voice, frames=answer("Say one. ", "Say one two."))
    assert voice.said == ["Say one.", "Say one two."]
    assert caplog.text.count("reads no pronunciations") == 1


async def test_a_service_without_markup_says_words_as_written(caplog: pytest.LogCaptureFixture):
    voice = Voice(text_transforms=[("*", Voice.pronunciation_transform_ipa({"one": "w"}))])
    assert "one" in caplog.text
    assert voice.supports_pronunciations
    assert Voice.format_pronunciation("one", "w") is None
    await passed(voice, frames=answer("Say one."))
    assert voice.said == ["Say one."]
