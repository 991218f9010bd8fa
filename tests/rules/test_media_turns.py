"""Engine rules 102, 103 and 107-115: voice activity, turns, aggregators."""

import asyncio
import json

import pytest
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    SpeechControlParamsFrame,
    TranscriptionFrame,
    TranslationFrame,
    UserIdleTimeoutUpdateFrame,
    UserSpeakingFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat_rs.processors.aggregators.dtmf_aggregator import DTMFAggregator
from pipecat_rs.processors.aggregators.llm_context import LLMContext
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.audio.vad_processor import VADProcessor
from pipecat_rs.testing import Recorder, running
from pipecat_rs.turns.user_mute import AlwaysUserMuteStrategy
from pipecat_rs.turns.user_start import (
    TranscriptionUserTurnStartStrategy,
    VADUserTurnStartStrategy,
)
from pipecat_rs.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies
from pipecat_rs.utils.text.simple_text_aggregator import SimpleTextAggregator
from support.frames import Data, System
from support.tasks import DOWN, UP, task_of
from support.waiting import calls_of, settle, within

RATE, WINDOW = 16000, 160  # windows of 10 ms


class ScriptedVad(VADAnalyzer):
    """Takes a window for speech if its first sample is not zero."""

    def num_frames_required(self) -> int:
        return WINDOW

    def voice_confidence(self, buffer: bytes) -> float:
        return 1.0 if buffer[0] else 0.0


def windows(count: int, voice: bool, loud: bool = True) -> bytes:
    level = 30000 if loud else 3
    tone = b"".join(
        (level if n // 20 % 2 else -level).to_bytes(2, "little", signed=True) for n in range(WINDOW)
    )
    window = (tone[:0] + b"\x01\x00" + tone[2:]) if voice else bytes(2 * WINDOW)
    return window * count


def params(**options) -> VADParams:
    return VADParams(**{"start_secs": 0.03, "stop_secs": 0.02, "min_volume": 0.0, **options})


# R102, R103: voice activity


async def test_r102_states_need_their_seconds_worth_of_whole_windows():
    vad = ScriptedVad(params=params())
    vad.set_sample_rate(RATE)
    states = []
    script = [True] * 4 + [False, True] + [False] * 3 + [True, False]
    for voice in script:
        states.append(await vad.analyze_audio(windows(1, voice)))
    await vad.cleanup()
    quiet, starting, speaking, stopping = (
        VADState.QUIET,
        VADState.STARTING,
        VADState.SPEAKING,
        VADState.STOPPING,
    )
    assert states == [
        *(starting, starting, speaking, speaking),
        *(stopping, speaking),
        *(stopping, quiet, quiet),
        *(starting, quiet),
    ]


async def test_r102_part_of_a_window_is_kept_for_the_next_call():
    vad = ScriptedVad(params=params(start_secs=0.01))
    vad.set_sample_rate(RATE)
    audio = windows(1, True)
    assert await vad.analyze_audio(audio[:100]) is VADState.QUIET
    assert await vad.analyze_audio(audio[100:]) is VADState.SPEAKING
    await vad.cleanup()


async def test_r102_a_window_speaks_only_if_it_is_loud_enough_too():
    for loud, expected in ((True, VADState.SPEAKING), (False, VADState.QUIET)):
        vad = ScriptedVad(params=params(min_volume=0.5))
        vad.set_sample_rate(RATE)
        assert await vad.analyze_audio(windows(100, True, loud)) is expected
        await vad.cleanup()


def heard(count: int, voice: bool) -> InputAudioRawFrame:
    return InputAudioRawFrame(audio=windows(count, voice), sample_rate=RATE, num_channels=1)


EVENTS = (VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame)


async def test_r102_only_speaking_and_quiet_make_events():
    top, below = Recorder(), Recorder()
    vad = VADProcessor(vad_analyzer=ScriptedVad(params=params()), audio_idle_timeout=0)
    task = task_of(top, vad, below)
    async with running(task):
        for count, voice in ((2, True), (1, False), (3, True), (1, False), (1, True), (2, False)):
            for _ in range(count):
                await task.queue_frame(heard(1, voice))
        await below.wait_for(VADUserStoppedSpeakingFrame)
        await top.wait_for(VADUserStoppedSpeakingFrame, direction=UP)
    assert [type(frame) for frame in below.frames(EVENTS)] == list(EVENTS)
    assert [type(frame) for frame in top.frames(EVENTS, UP)] == list(EVENTS)
    started, stopped = below.frames(EVENTS)
    assert (started.start_secs, stopped.stop_secs) == (0.03, 0.02)


async def test_r103_vad_announces_its_parameters_at_the_start():
    top, below = Recorder(), Recorder()
    vad = VADProcessor(vad_analyzer=ScriptedVad(params=params(confidence=0.4)))
    async with running(task_of(top, vad, below)):
        announced = [
            await below.wait_for(SpeechControlParamsFrame),
            await top.wait_for(SpeechControlParamsFrame, direction=UP),
        ]
    assert all(frame.vad_params.confidence == 0.4 for frame in announced)


async def test_r103_speech_activity_is_reported_once_a_period():
    below = Recorder()
    vad = VADProcessor(vad_analyzer=ScriptedVad(params=params()), speech_activity_period=3600)
    task = task_of(vad, below)
    async with running(task):
        for _ in range(10):
            await task.queue_frame(heard(1, True))
        await below.wait_for(UserSpeakingFrame)
        await below.wait_for(InputAudioRawFrame, count=10)
        await settle()
    assert len(below.frames(UserSpeakingFrame)) == 1


async def test_r103_speech_is_stopped_if_the_audio_ceases():
    below = Recorder()
    vad = VADProcessor(vad_analyzer=ScriptedVad(params=params()), audio_idle_timeout=0.05)
    task = task_of(vad, below)
    async with running(task):
        await task.queue_frame(heard(5, True))
        await below.wait_for(VADUserStoppedSpeakingFrame)
    assert [type(frame) for frame in below.frames(EVENTS)] == list(EVENTS)


# R107-R110: the user's turn


def said(text: str, finalized: bool = True) -> TranscriptionFrame:
    frame = TranscriptionFrame(text=text, user_id="user", timestamp="now")
    frame.finalized = finalized
    return frame


class Conversation:
    """A user aggregator and an assistant aggregator with recorders around them."""

    def __init__(self, start: list | None = None, stop: list | None = None, **options) -> None:
        options.setdefault(
            "user_turn_strategies",
            UserTurnStrategies(
                start=start or [VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()],
                stop=stop or [SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.02)],
            ),
        )
        self.context = LLMContext()
        pair = LLMContextAggregatorPair(
            self.context, user_params=LLMUserAggregatorParams(**options)
        )
        self.user, self.assistant = pair.user(), pair.assistant()
        self.above, self.between, self.below = Recorder(), Recorder(), Recorder()
        self.task = task_of(self.above, self.user, self.between, self.assistant, self.below)

    async def send(self, *frames: Frame) -> None:
        """Send frames to the user's side, each once the one before it has been dealt with."""
        for frame in frames:
            await self.task.queue_frame(frame)
            await settle(25)

    async def reply(self, *frames: Frame) -> None:
        """Send frames to the assistant's side, as the language model would."""
        for frame in frames:
            await self.between.queue_frame(frame)
            await settle(25)

    def messages(self) -> list[tuple[str, object]]:
        return [(message["role"], message.get("content")) for message in self.context.messages]


TURN = (UserStartedSpeakingFrame, UserStoppedSpeakingFrame, InterruptionFrame)


async def test_r107_first_strategy_that_triggers_starts_the_turn_and_it_starts_once():
    vad, transcription = VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()
    talk = Conversation(start=[vad, transcription])
    started = calls_of(talk.user, "on_user_turn_started")
    async with running(talk.task):
        await talk.send(VADUserStartedSpeakingFrame(), said("hello", finalized=False))
        await talk.send(VADUserStartedSpeakingFrame())
        await started.wait()
        await settle()
    assert [strategy for (strategy, *_) in started] == [vad]
    assert len(talk.between.frames(UserStartedSpeakingFrame)) == 1


async def test_r107_transcript_starts_the_turn_if_nothing_did_before():
    vad, transcription = VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()
    talk = Conversation(start=[vad, transcription])
    started = calls_of(talk.user, "on_user_turn_started")
    async with running(talk.task):
        await talk.send(said("hello"))
        (strategy, *_) = await started.wait()
    assert strategy is transcription


async def test_r107_turn_start_is_broadcast_and_then_interrupts():
    talk = Conversation()
    async with running(talk.task):
        await talk.send(VADUserStartedSpeakingFrame())
        await talk.between.wait_for(InterruptionFrame, direction=DOWN)
        await talk.above.wait_for(InterruptionFrame, direction=UP)
    order = [UserStartedSpeakingFrame, InterruptionFrame]
    assert [type(frame) for frame in talk.between.frames(TURN, DOWN)] == order
    assert [type(frame) for frame in talk.above.frames(TURN, UP)] == order


async def test_r107_strategy_may_do_without_the_interruption():
    talk = Conversation(start=[VADUserTurnStartStrategy(enable_interruptions=False)])
    async with running(talk.task):
        await talk.send(VADUserStartedSpeakingFrame())
        await talk.between.wait_for(UserStartedSpeakingFrame)
        await settle()
    assert [type(frame) for frame in talk.between.frames(TURN)] == [UserStartedSpeakingFrame]


async def test_r108_turn_stops_only_inside_a_turn_and_not_while_the_user_speaks():
    talk = Conversation()
    stopped = calls_of(talk.user, "on_user_turn_stopped")
    async with running(talk.task):
        await talk.send(VADUserStoppedSpeakingFrame())
        await asyncio.sleep(0.06)
        assert not stopped  # there was no turn
        await talk.send(VADUserStartedSpeakingFrame(), said("hello"))
        await asyncio.sleep(0.06)
        assert not stopped  # the user speaks
        await talk.send(VADUserStoppedSpeakingFrame())
        await stopped.wait()
        await settle()
    assert len(stopped) == 1


async def test_r108_watchdog_ends_a_turn_that_was_left_open():
    talk = Conversation(user_turn_stop_timeout=0.05)
    timeouts = calls_of(talk.user, "on_user_turn_stop_timeout")
    stopped = calls_of(talk.user, "on_user_turn_stopped")
    async with running(talk.task):
        await talk.send(VADUserStartedSpeakingFrame(), VADUserStoppedSpeakingFrame())
        await timeouts.wait()
        await stopped.wait()
        await talk.between.wait_for(UserStoppedSpeakingFrame)


async def test_r109_what_was_heard_becomes_one_message_and_the_context_goes_down():
    talk = Conversation()
    stopped = calls_of(talk.user, "on_user_turn_stopped")
    async with running(talk.task):
        await talk.send(VADUserStartedSpeakingFrame(), said("What is", finalized=False))
        await talk.send(said("the time?"), VADUserStoppedSpeakingFrame())
        (_, message) = await stopped.wait()
        context = await talk.between.wait_for(LLMContextFrame)
        await talk.between.wait_for(UserStoppedSpeakingFrame, direction=DOWN)
        await talk.above.wait_for(UserStoppedSpeakingFrame, direction=UP)
    assert message.content == "What is the time?"
    assert talk.messages() == [("user", "What is the time?")]
    assert context.context is talk.context


async def test_r109_nothing_heard_makes_no_message():
    talk = Conversation(user_turn_stop_timeout=0.05, empty_user_turn=None)
    stopped = calls_of(talk.user, "on_user_turn_stopped")
    async with running(talk.task):
        await talk.send(VADUserStartedSpeakingFrame(), VADUserStoppedSpeakingFrame())
        await stopped.wait()
        await settle()
    assert talk.messages() == [] and talk.between.frames(LLMContextFrame) == []


async def test_r109_interim_transcripts_and_translations_stop_at_the_user_aggregator():
    talk = Conversation()
    async with running(talk.task):
        await talk.send(
            InterimTranscriptionFrame(text="hel", user_id="user", timestamp="now"),
            TranslationFrame(text="bonjour", user_id="user", timestamp="now"),
            said("hello"),
            Data("passes"),
        )
        await talk.between.wait_for(Data)
    speech = (InterimTranscriptionFrame, TranslationFrame, TranscriptionFrame)
    assert talk.between.frames(speech) == []


async def test_r110_while_muted_the_user_is_not_heard_and_lifecycle_frames_pass():
    talk = Conversation(user_mute_strategies=[AlwaysUserMuteStrategy()])
    started = calls_of(talk.user, "on_user_turn_started")
    async with running(talk.task) as run:
        await talk.send(BotStartedSpeakingFrame())
        await talk.send(
            VADUserStartedSpeakingFrame(), said("let me speak"), heard(1, True), InterruptionFrame()
        )
        await talk.send(System("passes"))
        await talk.between.wait_for(System)
        swallowed = (
            VADUserStartedSpeakingFrame,
            TranscriptionFrame,
            InputAudioRawFrame,
            InterruptionFrame,
        )
        assert talk.between.frames(swallowed) == [] and not started
        await talk.send(BotStoppedSpeakingFrame(), VADUserStartedSpeakingFrame())
        await started.wait()
        await talk.send(BotStartedSpeakingFrame())
        await talk.task.queue_frame(EndFrame())
        await within(run)
    assert len(talk.below.frames(EndFrame)) == 1


async def test_r110_mute_starts_with_the_frame_after_the_one_that_caused_it():
    talk = Conversation(user_mute_strategies=[AlwaysUserMuteStrategy()])
    muted = calls_of(talk.user, "on_user_mute_started")
    async with running(talk.task):
        cause = BotStartedSpeakingFrame()
        await talk.send(cause)
        await muted.wait()
        assert talk.between.frames(BotStartedSpeakingFrame) == [cause]


# R111, R112: the assistant's turn


async def test_r111_assistant_writes_its_text_on_the_end_of_the_response():
    talk = Conversation()
    async with running(talk.task):
        await talk.reply(LLMFullResponseStartFrame(), LLMTextFrame("It is "), LLMTextFrame("noon."))
        assert talk.messages() == []
        await talk.reply(LLMFullResponseEndFrame())
        await settle()
        assert talk.messages() == [("assistant", "It is noon.")]


async def test_r111_assistant_writes_what_was_spoken_so_far_on_an_interruption():
    talk = Conversation()
    async with running(talk.task):
        await talk.reply(LLMFullResponseStartFrame(), LLMTextFrame("It is "))
        await talk.reply(InterruptionFrame())
        await talk.below.wait_for(InterruptionFrame)
        await settle()
        assert talk.messages() == [("assistant", "It is")]


@pytest.mark.parametrize("way", ["end", "cancel"])
async def test_r111_assistant_writes_its_text_on_end_and_cancel(way: str):
    talk = Conversation()
    async with running(talk.task) as run:
        await talk.reply(LLMFullResponseStartFrame(), LLMTextFrame("It is "))
        await (talk.task.queue_frame(EndFrame()) if way == "end" else talk.task.cancel())
        await within(run)
    assert talk.messages() == [("assistant", "It is")]


def calls(*names: str) -> FunctionCallsStartedFrame:
    return FunctionCallsStartedFrame(
        function_calls=[
            FunctionCallFromLLM(
                function_name=name, tool_call_id=name, arguments={}, context=LLMContext()
            )
            for name in names
        ]
    )


def in_progress(name: str) -> FunctionCallInProgressFrame:
    return FunctionCallInProgressFrame(
        function_name=name,
        tool_call_id=name,
        arguments={"city": "Rome"},
        cancel_on_interruption=True,
        group_id="group",
    )


def result(name: str, value: object) -> FunctionCallResultFrame:
    return FunctionCallResultFrame(
        function_name=name, tool_call_id=name, arguments={"city": "Rome"}, result=value
    )


def tool_contents(context: LLMContext) -> list[str]:
    return [message["content"] for message in context.messages if message["role"] == "tool"]


async def test_r112_call_and_placeholder_are_replaced_by_the_result():
    talk = Conversation()
    async with running(talk.task):
        await talk.reply(calls("weather"), in_progress("weather"))
        call, placeholder = talk.context.messages
        assert call["role"] == "assistant"
        assert call["tool_calls"][0]["function"]["name"] == "weather"
        assert json.loads(call["tool_calls"][0]["function"]["arguments"]) == {"city": "Rome"}
        assert placeholder["role"] == "tool" and placeholder["tool_call_id"] == "weather"
        await talk.reply(result("weather", {"degrees": 20}))
        assert tool_contents(talk.context) == [json.dumps({"degrees": 20})]


async def test_r112_call_without_a_result_is_completed_and_a_cancelled_one_cancelled():
    talk = Conversation()
    async with running(talk.task):
        await talk.reply(calls("one", "two"), in_progress("one"), in_progress("two"))
        await talk.reply(result("one", None))
        await talk.reply(FunctionCallCancelFrame(function_name="two", tool_call_id="two"))
        await settle()
        assert tool_contents(talk.context) == ["COMPLETED", "CANCELLED"]


async def test_r112_model_runs_again_once_the_last_call_of_a_group_is_in():
    talk = Conversation()
    async with running(talk.task):
        await talk.reply(calls("one", "two"), in_progress("one"), in_progress("two"))
        await talk.reply(result("one", 1))
        assert talk.between.frames(LLMContextFrame, UP) == []
        await talk.reply(result("two", 2))
        await talk.between.wait_for(LLMContextFrame, direction=UP)
        await settle()
        assert len(talk.between.frames(LLMContextFrame, UP)) == 1


async def test_r112_model_does_not_run_while_the_user_speaks():
    talk = Conversation()
    async with running(talk.task):
        await talk.reply(calls("one"), in_progress("one"))
        await talk.reply(UserStartedSpeakingFrame())
        await talk.reply(result("one", 1))
        await settle()
        assert tool_contents(talk.context) == ["1"]
        assert talk.between.frames(LLMContextFrame, UP) == []


# R113-R115: idle user, keys, sentences


async def test_r113_idle_timer_runs_from_the_bots_stop():
    talk = Conversation(user_idle_timeout=0.03)
    idle = calls_of(talk.user, "on_user_turn_idle")
    async with running(talk.task):
        await asyncio.sleep(0.08)
        assert not idle
        await talk.send(BotStartedSpeakingFrame())
        await asyncio.sleep(0.08)
        assert not idle
        await talk.send(BotStoppedSpeakingFrame())
        await idle.wait()


@pytest.mark.parametrize("cause", [VADUserStartedSpeakingFrame, BotStartedSpeakingFrame, "call"])
async def test_r113_idle_timer_is_cancelled_by_speech_and_function_calls(cause):
    talk = Conversation(user_idle_timeout=0.2)
    idle = calls_of(talk.user, "on_user_turn_idle")
    async with running(talk.task):
        await talk.send(BotStoppedSpeakingFrame())
        await talk.send(calls("one") if cause == "call" else cause())
        await asyncio.sleep(0.3)
        assert not idle


async def test_r113_zero_switches_it_off_and_a_frame_changes_it():
    talk = Conversation(user_idle_timeout=0)
    idle = calls_of(talk.user, "on_user_turn_idle")
    async with running(talk.task):
        await talk.send(BotStoppedSpeakingFrame())
        await asyncio.sleep(0.05)
        assert not idle
        await talk.send(UserIdleTimeoutUpdateFrame(timeout=0.02))
        await talk.send(BotStoppedSpeakingFrame())
        await idle.wait()


KEYS = {"1": KeypadEntry.ONE, "2": KeypadEntry.TWO, "#": KeypadEntry.POUND}


async def pressing(keys: str, *, timeout: float = 60.0, end: bool = True) -> Recorder:
    top, below = Recorder(), Recorder()
    task = task_of(top, DTMFAggregator(timeout=timeout), below)
    async with running(task) as run:
        for key in keys:
            await task.queue_frame(InputDTMFFrame(button=KEYS[key]))
        if end:
            await below.wait_for(InputDTMFFrame, count=len(keys))
            await task.queue_frame(EndFrame())
            await within(run)
        else:
            await below.wait_for(TranscriptionFrame)
    below.seen += [(f, d) for f, d in top.seen if d is UP]
    return below


async def test_r114_keys_leave_as_one_transcript_at_the_end_key():
    below = await pressing("12#1#")
    transcripts = below.frames(TranscriptionFrame)
    assert [frame.text for frame in transcripts] == ["DTMF: 12#", "DTMF: 1#"]
    assert all(frame.finalized for frame in transcripts)


async def test_r114_keys_leave_after_silence_and_at_the_end():
    below = await pressing("12", timeout=0.03, end=False)
    assert [frame.text for frame in below.frames(TranscriptionFrame)] == ["DTMF: 12"]
    below = await pressing("21")
    assert [frame.text for frame in below.frames(TranscriptionFrame)] == ["DTMF: 21"]
    assert isinstance(below.frames((TranscriptionFrame, EndFrame))[-1], EndFrame)


async def test_r114_first_key_interrupts():
    below = await pressing("12#")
    assert len(below.frames(InterruptionFrame, DOWN)) == 1
    assert len(below.frames(InterruptionFrame, UP)) == 1


async def test_r115_sentence_waits_for_a_look_ahead_character():
    aggregator = SimpleTextAggregator()

    async def feed(text: str) -> list[str]:
        return [piece.text async for piece in aggregator.aggregate(text)]

    assert await feed("It costs $29") == []
    assert await feed(".") == []
    assert await feed("95 in all.") == []
    assert await feed(" ") == []
    assert await feed("Next") == ["It costs $29.95 in all."]
    rest = await aggregator.flush()
    assert rest is not None and rest.text == "Next"
