"""Text-to-speech: sentences, requests, interruptions."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from pipecat_rs.frames.frames import (
    AggregatedTextFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat_rs.processors.aggregators.tts_metadata_frame import TTSMetadataFrame
from pipecat_rs.services.settings import TTSSettings
from pipecat_rs.services.tts_service import TextAggregationMode, TTSService
from support.frames import Data, System, tags
from support.passage import kinds, passage, passed
from support.waiting import calls_of, settle, until

RATE = 24_000


class Voice(TTSService):
    """Speaks each piece as two chunks of audio; one that holds "wait" once it is let."""

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("push_start_frame", True)
        kwargs.setdefault("push_stop_frames", True)
        super().__init__(
            settings=TTSSettings(model=None, voice="v", language=None), sample_rate=RATE, **kwargs
        )
        self.said: list[str] = []
        self.cancelled: list[str] = []
        self.go = asyncio.Event()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        self.said.append(text)
        if text == "Fail.":
            yield ErrorFrame("no voice")
            return
        if text == "Nothing.":
            return
        yield self.audio(context_id)
        if "wait" in text:
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled.append(text)
                raise
        yield self.audio(context_id)

    @staticmethod
    def audio(context_id: str) -> TTSAudioRawFrame:
        return TTSAudioRawFrame(b"\x01\x00" * 240, RATE, 1, context_id=context_id)


class Socket(Voice):
    """Speaks by a connection: audio comes later, by `deliver`."""

    def __init__(self, **kwargs) -> None:
        super().__init__(push_start_frame=True, **kwargs)
        self.requests: dict[str, list[str]] = {}
        self.interrupted: list[str] = []
        self.completed: list[str] = []

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        self.requests.setdefault(context_id, []).append(text)
        yield None

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        self.interrupted.append(context_id)

    async def on_audio_context_completed(self, context_id: str) -> None:
        self.completed.append(context_id)

    async def deliver(self, context_id: str, *, last: bool) -> None:
        await self.append_to_audio_context(context_id, self.audio(context_id))
        if last:
            await self.remove_audio_context(context_id)


def answer(*tokens: str) -> list[Frame]:
    return [
        LLMFullResponseStartFrame(),
        *(LLMTextFrame(token) for token in tokens),
        LLMFullResponseEndFrame(),
    ]


def texts(frames, kind=TTSTextFrame) -> list[str]:
    return [f.text for f in frames if type(f) is kind]


async def test_an_answer_is_one_request_of_sentences():
    voice = Voice()
    requests = calls_of(voice, "on_tts_request")
    down, _ = await passed(voice, frames=answer("Hel", "lo. ", "How are", " you?"))
    assert voice.said == ["Hello.", "How are you?"]
    assert kinds(down) == [
        LLMFullResponseStartFrame,
        AggregatedTextFrame,
        TTSStartedFrame,
        TTSAudioRawFrame,
        TTSAudioRawFrame,
        TTSTextFrame,
        AggregatedTextFrame,
        TTSAudioRawFrame,
        TTSAudioRawFrame,
        TTSTextFrame,
        TTSStoppedFrame,
        LLMFullResponseEndFrame,
    ]
    ids = {f.context_id for f in down if isinstance(f, (TTSStartedFrame, TTSAudioRawFrame))}
    assert len(ids) == 1
    assert [request[1] for request in requests] == voice.said
    announced = [f for f in down if type(f) is AggregatedTextFrame]
    assert [(f.append_to_context, f.will_be_spoken) for f in announced] == [(False, True)] * 2
    assert [f.append_to_context for f in down if isinstance(f, TTSTextFrame)] == [True] * 2


async def test_an_utterance_is_a_request_of_its_own_and_is_written():
    down, _ = await passed(Voice(), frames=[TTSSpeakFrame("Welcome.")])
    assert kinds(down) == [
        AggregatedTextFrame,
        TTSStartedFrame,
        TTSAudioRawFrame,
        TTSAudioRawFrame,
        TTSTextFrame,
        LLMAssistantPushAggregationFrame,
        TTSStoppedFrame,
    ]


async def test_an_utterance_that_is_not_to_be_written_is_not():
    down, _ = await passed(Voice(), frames=[TTSSpeakFrame("Hm.", append_to_context=False)])
    assert LLMAssistantPushAggregationFrame not in kinds(down)
    assert [f.append_to_context for f in down if isinstance(f, TTSTextFrame)] == [False]
    assert [f.append_to_context for f in down if isinstance(f, TTSStartedFrame)] == [False]


async def test_an_utterance_within_an_answer_is_a_request_of_its_own():
    start, *rest, end = answer("One. ", "Two. ", "Three.")
    down, _ = await passed(
        Voice(), frames=[start, *rest[:2], TTSSpeakFrame("Wait."), *rest[2:], end]
    )
    by_request: dict[str, list[str]] = {}
    for f in down:
        if isinstance(f, TTSTextFrame):
            by_request.setdefault(f.context_id, []).append(f.text)
    assert sorted(by_request.values()) == [["One.", "Two.", "Three."], ["Wait."]]
    assert LLMAssistantPushAggregationFrame not in kinds(down), "the answer's end writes it"


async def test_other_frames_keep_their_place():
    down, _ = await passed(
        Voice(), frames=[Data("before"), TTSSpeakFrame("Hello."), Data("behind")]
    )
    order = [f.tag if isinstance(f, Data) else type(f).__name__ for f in down]
    assert order[0] == "before" and order[-1] == "behind"


async def test_text_that_is_not_to_be_spoken_passes():
    silent = LLMTextFrame("secret")
    silent.skip_tts = True
    voice = Voice()
    down, _ = await passed(voice, frames=[silent])
    assert voice.said == []
    assert texts(down, LLMTextFrame) == ["secret"]


async def test_text_of_a_type_that_is_not_spoken_passes_in_its_place():
    voice = Voice(skip_text_types=["code"])
    code = AggregatedTextFrame("x = 1", "code")
    down, _ = await passed(
        voice,
        frames=[AggregatedTextFrame("Look.", "sentence"), code],
    )
    assert voice.said == ["Look."]
    assert down[-1] is code and code.skip_tts


async def test_tokens_are_spoken_as_they_come_if_wanted():
    voice = Voice(text_aggregation_mode=TextAggregationMode.TOKEN)
    down, _ = await passed(voice, frames=answer("Hel", "lo", " there"))
    assert voice.said == ["Hel", "lo", " there"]
    assert all(f.includes_inter_frame_spaces for f in down if isinstance(f, TTSTextFrame))


async def test_text_is_changed_for_the_voice_alone():
    async def shout(text: str, text_type: str) -> str:
        return text.upper()

    voice = Voice(text_transforms=[("*", shout)], append_trailing_space=True)
    down, _ = await passed(voice, frames=answer("Hello."))
    assert voice.said == ["HELLO. "]
    assert texts(down) == ["Hello."]


async def test_text_that_cannot_be_changed_is_not_spoken():
    async def fail(text: str, text_type: str) -> str:
        raise ValueError("secret inside")

    voice = Voice(text_transforms=[("*", fail)])
    async with passage(voice) as ways:
        await ways.send(*answer("Hello."))
        error = await ways.up.wait_for(ErrorFrame)
        await ways.end()
    assert voice.said == []
    assert "secret inside" in error.error


async def test_an_interruption_ends_the_sentence_and_drops_the_rest():
    voice = Voice()
    async with passage(voice) as ways:
        await ways.send(*answer("One. ", "Two wait. ", "Three."))
        await ways.down.wait_for(TTSAudioRawFrame, count=3)
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        await until(lambda: voice.cancelled == ["Two wait."])
        after = len(ways.down.seen)
        await ways.send(*answer("Four."))
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
    assert voice.said == ["One.", "Two wait.", "Four."]
    assert texts(f for f, _ in ways.down.seen[:after]) == ["One."]
    assert texts(f for f, _ in ways.down.seen[after:]) == ["Four."]


async def test_an_utterance_that_cannot_be_interrupted_is_spoken_to_its_end():
    voice = Voice()
    speak = TTSSpeakFrame("Please wait for me.")
    speak.interruptible = False
    async with passage(voice) as ways:
        await ways.send(speak)
        await ways.down.wait_for(TTSAudioRawFrame)
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        voice.go.set()
        await ways.down.wait_for(TTSStoppedFrame)
        await ways.end()
    assert texts(ways.went_down()) == ["Please wait for me."]
    assert not voice.cancelled


async def test_the_end_speaks_what_is_left():
    voice = Voice()
    await passed(voice, frames=[LLMFullResponseStartFrame(), LLMTextFrame("Good")])
    assert voice.said == ["Good"]


async def test_a_request_without_audio_is_an_error_and_three_are_the_end():
    voice = Voice()
    async with passage(voice) as ways:
        for count in (1, 2, 3):
            assert voice.is_usable
            await ways.send(TTSSpeakFrame("Nothing."))
            await ways.send(Data(count))
            await ways.up.wait_for(ErrorFrame, count=count)
        await settle()
        assert not voice.is_usable
        await ways.send(TTSSpeakFrame("Hello."))
        await ways.end()
    assert voice.said == ["Nothing."] * 3


async def test_an_error_of_the_voice_is_reported():
    async with passage(Voice()) as ways:
        await ways.send(TTSSpeakFrame("Fail."))
        error = await ways.up.wait_for(ErrorFrame)
        await ways.end()
    assert error.error == "no voice"


async def test_it_says_upstream_that_it_speaks():
    async with passage(Voice()) as ways:
        await ways.up.wait_for(TTSMetadataFrame)
        await ways.end()
    assert TTSMetadataFrame not in kinds(ways.went_down())


async def test_settings_are_changed():
    voice = Voice()
    await passed(voice, frames=[TTSUpdateSettingsFrame(delta=TTSSettings(voice="w"))])
    assert voice.settings.voice == "w"


async def test_silence_follows_if_wanted():
    down, _ = await passed(
        Voice(push_silence_after_stop=True, silence_time_s=0.1), frames=[TTSSpeakFrame("Hello.")]
    )
    audio = [f for f in down if isinstance(f, TTSAudioRawFrame)]
    assert audio[-1].audio == bytes(RATE // 10 * 2)


async def test_audio_that_comes_later_keeps_the_order_of_the_requests():
    voice = Socket()
    async with passage(voice) as ways:
        await ways.send(*answer("One. ", "Two."), Data("between"), TTSSpeakFrame("Three."))
        await until(lambda: len(voice.requests) == 2)
        first, second = voice.requests
        assert list(voice.requests.values()) == [["One.", "Two."], ["Three."]]
        await voice.deliver(second, last=True)
        assert Data not in kinds(ways.went_down())
        await voice.deliver(first, last=False)
        await voice.deliver(first, last=True)
        await ways.down.wait_for(TTSStoppedFrame, count=2)
        await ways.end()
    spoken = [f for f in ways.went_down() if isinstance(f, (TTSAudioRawFrame, Data))]
    assert [getattr(f, "context_id", None) for f in spoken] == [first, first, None, second]
    assert voice.completed == [first, second]


async def test_system_frames_do_not_wait_for_audio():
    voice = Socket()
    async with passage(voice) as ways:
        await ways.send(TTSSpeakFrame("One."), Data("behind"))
        await until(lambda: bool(voice.requests))
        await ways.send(System("now"))
        await ways.down.wait_for(System)
        assert tags(ways.went_down()) == ["now"]
        await voice.deliver(next(iter(voice.requests)), last=True)
        await ways.end()


async def test_late_audio_of_an_interrupted_request_is_dropped():
    voice = Socket()
    async with passage(voice) as ways:
        await ways.send(*answer("One."))
        await until(lambda: bool(voice.requests))
        request = next(iter(voice.requests))
        await voice.deliver(request, last=False)
        await ways.send(InterruptionFrame())
        await ways.down.wait_for(InterruptionFrame)
        await until(lambda: voice.interrupted == [request])
        await voice.deliver(request, last=True)
        await ways.end()
    assert kinds(ways.went_down()).count(TTSAudioRawFrame) == 1


async def test_a_request_that_gets_nothing_more_ends():
    voice = Socket(stop_frame_timeout_s=0.01)
    async with passage(voice) as ways:
        await ways.send(*answer("One."))
        await until(lambda: bool(voice.requests))
        await voice.deliver(next(iter(voice.requests)), last=False)
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
    assert TTSStoppedFrame in kinds(ways.went_down())


async def test_words_carry_the_time_at_which_they_are_said():
    voice = Socket(push_text_frames=False)
    async with passage(voice) as ways:
        await ways.send(*answer("One two."))
        await until(lambda: bool(voice.requests))
        request = next(iter(voice.requests))
        await voice.add_word_timestamps([("One", 0.0)], request)
        assert TTSTextFrame not in kinds(ways.went_down())
        await voice.deliver(request, last=False)
        await voice.add_word_timestamps([("two.", 0.25)], request)
        await voice.remove_audio_context(request)
        await ways.down.wait_for(LLMFullResponseEndFrame)
        await ways.end()
    words = [f for f in ways.went_down() if isinstance(f, TTSTextFrame)]
    assert [f.text for f in words] == ["One", "two."]
    assert words[1].pts - words[0].pts == 250_000_000
    stopped = next(f for f in ways.went_down() if isinstance(f, TTSStoppedFrame))
    assert stopped.pts == words[1].pts


async def test_frames_wait_for_the_request_if_wanted():
    voice = Socket(pause_frame_processing=True)
    async with passage(voice) as ways:
        await ways.send(*answer("One."), *answer("Two."))
        await until(lambda: bool(voice.requests))
        await settle()
        assert list(voice.requests.values()) == [["One."]]
        await voice.deliver(next(iter(voice.requests)), last=True)
        await until(lambda: len(voice.requests) == 2)
        await voice.deliver(list(voice.requests)[1], last=True)
        await ways.down.wait_for(LLMFullResponseEndFrame, count=2)
        await ways.end()


@pytest.mark.parametrize("rate", [RATE, 8000])
async def test_chunks_of_bytes_become_frames_at_its_own_rate(rate):
    class Bytes(Voice):
        async def run_tts(self, text: str, context_id: str):
            async def chunks():
                audio = b"\x01\x00" * rate
                yield audio[:1001]
                yield audio[1001:]

            async for frame in self._stream_audio_frames_from_iterator(
                chunks(), in_sample_rate=rate, context_id=context_id
            ):
                yield frame

    down, _ = await passed(Bytes(), frames=[TTSSpeakFrame("Hello.")])
    frames = [f for f in down if isinstance(f, TTSAudioRawFrame)]
    assert {f.sample_rate for f in frames} == {RATE}
    secs = sum(f.num_frames for f in frames) / RATE
    assert abs(secs - 1) < 0.05


def test_sentences_were_switched_by_another_argument():
    with pytest.warns(DeprecationWarning, match="aggregate_sentences"):
        voice = Voice(aggregate_sentences=False)
    assert voice._text_aggregation_mode is TextAggregationMode.TOKEN


async def test_plain_text_is_spoken_too():
    voice = Voice()
    down, _ = await passed(voice, frames=[TextFrame("Hello. "), TextFrame("There")])
    assert voice.said == ["Hello.", "There"]
    assert kinds(down).count(TTSStoppedFrame) == 2
