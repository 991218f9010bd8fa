"""What does it cost to say whether there is a voice in a window of 32 ms?

Through the public `SileroVADAnalyzer.analyze_audio`, a window after the other of one stream: what a
processor costs that uses an analyzer by itself. pipecat_rs's aggregators have windows of many
sessions judged together instead; see `audio/vad.rs` for that.
"""

import math
import struct
import time

from .api import Api
from .figure import Figure, Scale

RATE, WINDOW = 16_000, 512
CALLS = 60


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """CPU time a window, all threads."""
    analyzer = api.module("audio.vad.silero").SileroVADAnalyzer(sample_rate=RATE)
    analyzer.set_sample_rate(RATE)
    samples = (int(6_000 * math.sin(place / 9.0)) for place in range(WINDOW))
    window = struct.pack(f"<{WINDOW}h", *samples)
    least, spent, batches = float("inf"), 0, -1
    while batches < scale.least_batches or spent < scale.batch_secs * 1e9:
        begin = time.process_time_ns()
        for _ in range(CALLS):
            await analyzer.analyze_audio(window)
        took = time.process_time_ns() - begin
        if batches >= 0:
            spent += took
            least = min(least, took / CALLS / 1000)
        batches += 1
    return [Figure("vad.window", "us", least)]
