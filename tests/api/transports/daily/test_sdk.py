"""Daily's real SDK, as far as it goes without a network: in a process of its own, as its threads
stay."""

import importlib.util
import subprocess
import sys

import pytest

CALL = """
import asyncio, time

from pipecat_rs.frames.frames import EndFrame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.task import PipelineTask
from pipecat_rs.testing import Recorder
from pipecat_rs.transports.daily import DailyParams, DailyTransport, client

client.JOIN_TIMEOUT_SECS = 0.5
client.RELEASE_TIMEOUT_SECS = 0.1


async def main(tracks):
    params = DailyParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_in_user_tracks=tracks,
        audio_out_end_silence_secs=0,
    )
    transport = DailyTransport("https://127.0.0.1:9/room", None, "Robot", params)
    failed = []
    transport.add_event_handler("on_error", lambda _transport, error: failed.append(error))
    out = Recorder()
    task = PipelineTask(Pipeline([transport.input(), transport.output(), out]))
    begun = time.monotonic()
    run = asyncio.create_task(task.run())
    await task.queue_frames(
        [TTSAudioRawFrame(bytes(24_000), 24_000, 1), TTSStoppedFrame(), EndFrame()]
    )
    await run
    assert len(failed) == 1 and "cannot join" in failed[0], failed
    assert out.frames(TTSStoppedFrame)
    # The SDK's source takes audio at its own pace: half a second.
    assert time.monotonic() - begun > 0.4
    await transport.stop()


for tracks in (True, False):
    asyncio.run(main(tracks))
print("done")
"""


@pytest.mark.skipif(importlib.util.find_spec("daily") is None, reason="needs daily-python")
def test_a_call_that_finds_no_room_plays_and_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALL], capture_output=True, text=True, timeout=25, check=False
    )

    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stderr
