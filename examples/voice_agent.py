"""A voice agent that answers a recorded call, with models that run on this machine.

python examples/voice_agent.py caller.wav call.wav
"""

import asyncio
import sys

from pipecat_rs.audio.vad.silero import SileroVADAnalyzer
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.runner import PipelineRunner
from pipecat_rs.pipeline.task import PipelineParams, PipelineTask
from pipecat_rs.processors.aggregators.llm_context import LLMContext, LLMContextMessage
from pipecat_rs.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat_rs.processors.audio.vad_processor import VADProcessor
from pipecat_rs.services.hibari.tts import HibariTTSService
from pipecat_rs.services.llamacpp.llm import LlamaCppLLMService
from pipecat_rs.services.settings import LLMSettings
from pipecat_rs.services.whisper.stt import WhisperSTTService
from pipecat_rs.transports.base_transport import BaseTransport
from pipecat_rs.transports.local.audio_file import AudioFileTransport
from pipecat_rs.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat_rs.turns.user_turn_strategies import UserTurnStrategies

# A small model follows examples better than orders.
MESSAGES: list[LLMContextMessage] = [
    {
        "role": "system",
        "content": "This is a phone call with a friendly and knowledgeable assistant. "
        "The assistant answers every question correctly, in complete sentences.",
    },
    {"role": "user", "content": "Hello, can you hear me?"},
    {"role": "assistant", "content": "Yes, I can hear you well. How can I help you?"},
    {"role": "user", "content": "What is the capital of Japan?"},
    {"role": "assistant", "content": "The capital of Japan is Tokyo."},
    {"role": "user", "content": "Please tell me a lot about bees."},
    {
        "role": "assistant",
        "content": "Bees are insects that live together in large colonies. Each colony has one "
        "queen, who lays all of the eggs. The worker bees fly from flower to flower and collect "
        "nectar, which they turn into honey. On their way they carry pollen, and so they help "
        "many plants to grow. In winter the bees stay in the hive and keep each other warm. "
        "People have kept bees for thousands of years.",
    },
]


def create_task(transport: BaseTransport) -> PipelineTask:
    """The agent: from the caller's voice to the bot's."""
    # The pauses of the calls are turns, whatever they sound like: half a sentence is answered too.
    turns = UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy()])
    aggregators = LLMContextAggregatorPair(
        LLMContext([*MESSAGES]), user_params=LLMUserAggregatorParams(user_turn_strategies=turns)
    )
    pipeline = Pipeline(
        [
            transport.input(),
            VADProcessor(vad_analyzer=SileroVADAnalyzer()),
            WhisperSTTService(),
            aggregators.user(),
            # One thread is enough for this model, and leaves the other cores to ears and voice.
            LlamaCppLLMService(threads=1, settings=LLMSettings(temperature=0.0)),
            HibariTTSService(),
            transport.output(),
            aggregators.assistant(),
        ]
    )
    return PipelineTask(pipeline, params=PipelineParams(enable_metrics=True))


async def main(caller: str, recording: str) -> None:
    """Hold the call and record both sides of it."""
    await PipelineRunner().run(create_task(AudioFileTransport(caller, recording)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
