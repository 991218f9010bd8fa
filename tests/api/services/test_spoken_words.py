"""The context holds what the model wrote, whatever the voice was given to say and says of it."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from fakes.cartesia import FakeCartesia
from fakes.elevenlabs import FakeElevenLabs
from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    AggregatedTextProgressFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TextType,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import LLMAssistantAggregator
from pipecat_rs.services.cartesia import CartesiaTTSService
from pipecat_rs.services.elevenlabs import ElevenLabsTTSService
from pipecat_rs.services.settings import TTSSettings
from pipecat_rs.services.tts_service import TextAggregationMode, TTSService
from pipecat_rs.utils.text.transforms.currency import expand_currency
from support.passage import Passage, passage
from support.waiting import calls_of, until

RATE = 24_000


class Reporting(TTSService):
    """A voice whose provider sends audio and words when the test says so."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            settings=TTSSettings(model=None, voice="v", language=None),
            sample_rate=RATE,
            push_text_frames=False,
            push_start_frame=True,
            push_stop_frames=True,
            **kwargs,
        )
        self.given: list[str] = []
        self.request = ""

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        self.given.append(text)
        self.request = context_id
        yield None

    async def say(self, *words: str) -> None:
        """Deliver some audio, and report words."""
        audio = TTSAudioRawFrame(b"\x01\x00" * 240, RATE, 1, context_id=self.request)
        await self.append_to_audio_context(self.request, audio)
        await self.add_word_timestamps([(word, 0.0) for word in words], self.request)

    async def done(self) -> None:
        await self.remove_audio_context(self.request)


def answer(*tokens: str) -> list[Frame]:
    texts = (LLMTextFrame(token) for token in tokens)
    return [LLMFullResponseStartFrame(), *texts, LLMFullResponseEndFrame()]


def texts(ways: Passage, kind: type[Frame] = TTSTextFrame) -> list[str]:
    return [frame.text for frame in ways.down.frames(kind) if type(frame) is kind]


async def written(voice: TTSService, *frames: Frame) -> list[Any]:
    """Send frames through a voice and the assistant's side; return what that has written."""
    context = LLMContext()
    assistant = LLMAssistantAggregator(context)
    stopped = calls_of(assistant, "on_assistant_turn_stopped")
    async with passage(voice, assistant) as ways:
        await ways.send(*frames)
        await stopped.wait()
        await ways.end()
    return context.get_messages()


@pytest.mark.parametrize("mode", TextAggregationMode)
async def test_cartesia_says_an_amount_in_words(mode: TextAggregationMode):
    async with FakeCartesia.running() as server:
        voice = CartesiaTTSService(
            api_key="key",
            url=f"{server.url}/tts/websocket",
            ws_close_timeout=0.2,
            settings=CartesiaTTSService.Settings(voice="ann"),
            text_transforms=[("*", expand_currency)],
            text_aggregation_mode=mode,
        )
        messages = await written(voice, *answer("That", " is", " $42.", " All", " right?"))
        given = "".join(m["transcript"] for m in server.connection.messages)
    assert "forty" in given and "$" not in given
    assert messages == [{"role": "assistant", "content": "That is $42. All right?"}]


async def test_elevenlabs_says_a_word_as_it_is_told_to():
    async with FakeElevenLabs.running() as server:
        transform = ElevenLabsTTSService.pronunciation_transform_ipa({"Siobhan": "ʃəvɔn"})
        voice = ElevenLabsTTSService(
            api_key="key",
            url=server.url,
            ws_close_timeout=0.2,
            settings=ElevenLabsTTSService.Settings(voice="ann", model="eleven_flash_v2"),
            enable_ssml_parsing=True,
            text_transforms=[("*", transform)],
        )
        messages = await written(voice, *answer("Ask Siobhan now. ", "Do."))
        given = "".join(m.get("text", "") for m in server.connection.messages)
    assert "ʃəvɔn" in given
    assert messages == [{"role": "assistant", "content": "Ask Siobhan now. Do."}]


async def test_an_interruption_leaves_what_was_heard_as_it_was_written():
    voice = Reporting(text_transforms=[("*", expand_currency)])
    context = LLMContext()
    assistant = LLMAssistantAggregator(context)
    async with passage(voice, assistant) as ways:
        await ways.send(*answer("It costs $5 or more. "))
        await until(lambda: voice.given == ["It costs five dollars or more."])
        await voice.say("It", "costs", "five", "dollars", "or")
        await until(lambda: len(assistant._aggregation) == 4)
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        await voice.say("more.")
        await ways.end()
    assert context.get_messages() == [{"role": "assistant", "content": "It costs $5 or"}]


async def test_words_refer_to_their_text_and_tell_how_far_it_is():
    voice = Reporting()
    async with passage(voice) as ways:
        await ways.send(TTSSpeakFrame("Good morning."))
        await until(lambda: bool(voice.given))
        await voice.say("Good", "morning.")
        await voice.done()
        await ways.down.wait_for(TTSStoppedFrame)
        await ways.end()
    (text,) = [f for f in ways.went_down() if type(f) is AggregatedTextFrame]
    words = ways.down.frames(TTSTextFrame)
    assert {word.segment_id for word in words} == {text.id}
    # By time, too, the text comes ahead of its words.
    assert 0 < text.pts <= words[0].pts
    progress = ways.down.frames(AggregatedTextProgressFrame)
    assert [frame.accumulated_text for frame in progress] == ["Good", "Good morning."]


async def test_text_that_is_not_spoken_waits_for_the_words_before_it():
    voice = Reporting(skip_text_types=["code"])
    async with passage(voice) as ways:
        await ways.send(
            LLMFullResponseStartFrame(),
            AggregatedTextFrame("Like this:", TextType.SENTENCE),
            AggregatedTextFrame("x = 1", "code"),
            LLMFullResponseEndFrame(),
        )
        await until(lambda: bool(voice.given))
        await voice.say("Like")
        await ways.down.wait_for(TTSTextFrame)
        assert "x = 1" not in texts(ways, AggregatedTextFrame)
        await voice.say("this:")
        await voice.done()
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
    told = [f.text for f in ways.went_down() if isinstance(f, AggregatedTextFrame)]
    assert told == ["Like this:", "Like", "this:", "x = 1"]


async def test_words_whose_report_is_lost_count_as_said_at_the_end():
    voice = Reporting()
    async with passage(voice) as ways:
        await ways.send(*answer("One two three."))
        await until(lambda: bool(voice.given))
        await voice.say("One")
        await voice.done()
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
    assert texts(ways) == ["One", "two three."]


async def test_words_that_nobody_heard_do_not_count_as_said():
    voice = Reporting(skip_text_types=["code"])
    async with passage(voice) as ways:
        await ways.send(
            TTSSpeakFrame("Nothing comes."),
            AggregatedTextFrame("x = 1", "code"),
        )
        await until(lambda: bool(voice.given))
        await voice.done()
        await ways.down.wait_for(TTSStoppedFrame)
        await ways.end()
    assert texts(ways) == []
    assert texts(ways, AggregatedTextFrame) == ["Nothing comes.", "x = 1"]


async def test_a_connection_that_is_lost_takes_the_rest_of_the_text_with_it():
    async with FakeCartesia.running() as server:
        server.answering = False
        voice = CartesiaTTSService(
            api_key="key",
            url=f"{server.url}/tts/websocket",
            ws_close_timeout=0.2,
            reconnect_backoff_min_wait=0,
            reconnect_backoff_max_wait=0,
            settings=CartesiaTTSService.Settings(voice="ann"),
        )
        async with passage(voice) as ways:
            await ways.send(TTSSpeakFrame("Heard, and lost."))
            message = await server.message(transcript="Heard, and lost.")
            await server.speak("Heard,", message["context_id"], RATE)
            await ways.down.wait_for(TTSTextFrame)
            server.connection.drop()
            await ways.down.wait_for(TTSStoppedFrame)
            await ways.end()
    assert texts(ways) == ["Heard,"]


async def test_tokens_are_told_as_sentences():
    voice = Reporting(text_aggregation_mode=TextAggregationMode.TOKEN)
    async with passage(voice) as ways:
        await ways.send(LLMFullResponseStartFrame(), *map(LLMTextFrame, ("Go", ".", " Stay", ".")))
        await until(lambda: len(voice.given) == 4)
        await voice.say("Go.", "Stay.")
        await ways.send(LLMFullResponseEndFrame())
        await until(lambda: len(texts(ways)) == 2)
        await voice.done()
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
    told = [(type(f), f.text) for f in ways.went_down() if isinstance(f, AggregatedTextFrame)]
    assert told == [
        (AggregatedTextFrame, "Go."),
        (TTSTextFrame, "Go."),
        (AggregatedTextFrame, " Stay."),
        (TTSTextFrame, "Stay."),
    ]
