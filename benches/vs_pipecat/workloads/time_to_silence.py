"""How long after an interruption does the last sample leave, when 500 frames of audio are queued?

From `task.queue_frame(InterruptionFrame())` to the arrival of the last message of audio at the
caller, over a WebSocket and through three Python processors.
"""

from bisect import bisect_left
from queue import Empty

from .api import Api
from .calls.callers import Calling, Server, call
from .figure import Figure, Scale, percentile

_SERVERS = {"pipecat": "fastapi", "pipecat_rs": "native"}
_QUIET_NS = 250_000_000
"""The bot is silent for longer than this after each interruption."""


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """p50, p99 and the worst, in ms."""
    loop = ("--loop", "uvloop") if api.uvloop else ()
    with Server(api.package, _SERVERS[api.package], "interrupted", *loop) as server:
        options = ("--answer-secs", "0", "--arrivals")
        called = call(server, Calling({"listen": 1}, scale.silences, 1.5, options=options))
        said = []
        while True:
            try:
                said.append(server.said.get_nowait()["interrupted"])
            except Empty:
                break
    arrivals = [at for at, _ in called.report["arrivals"]]
    silences = []
    for at in said:
        first, last = bisect_left(arrivals, at), bisect_left(arrivals, at + _QUIET_NS)
        # Before the first and after the last that was measured there is nothing to see.
        if first > 0 and last < len(arrivals):
            silences.append((arrivals[last - 1] - at) / 1e6 if last > first else 0.0)
    if not silences:
        return [Figure("silence.p99", "ms", None, note="no audio came")]
    return [
        Figure("silence.p50", "ms", percentile(silences, 0.5)),
        Figure("silence.p99", "ms", percentile(silences, 0.99), detail=sorted(silences)),
        Figure("silence.max", "ms", max(silences)),
    ]
