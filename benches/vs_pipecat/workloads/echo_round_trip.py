"""How long does audio take from a caller through a pipeline and back, at 1 to 1,000 calls?

Each caller sends 50 numbered messages of 20 ms in a second and waits for each to come back, through
one Python processor between the transport's input and output. The server has one core, the callers
another.
"""

from .api import Api
from .calls.callers import Called, Calling, Server, call
from .figure import Figure, Scale

CALLS = (1, 10, 50, 100, 250, 500, 750, 1000)
_SERVERS = {"pipecat": "fastapi", "pipecat_rs": "native"}
# Callers that were late themselves by so much were disturbed: once more. What comes in a bunch
# after a pause is played in its time, so a pause of the callers is in every round trip after it.
_DISTURBED_MS, _ATTEMPTS = 12.0, 4
# Nobody needs to know how much longer than this it takes.
_HOPELESS_MS = 5_000.0


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """p50 and p99 in ms for each number of calls."""
    figures, curve = [], []
    for calls in (calls for calls in CALLS if calls <= scale.most_calls):
        calling = Calling({"echo": calls}, scale.call_secs / 2, 3.0, connect_rate=100.0)
        called = _call(api, calling)
        took = called.all["round_trip_ms"]
        sent = 50 * calls * calling.secs
        point = {
            "calls": calls,
            "core": called.core,
            "came_back": took["count"] / sent,
            "own_late_p99": called.report["own_ticks_late_ms"]["p99"],
            **{key: took[key] for key in ("p50", "p99", "p999", "max") if key in took},
        }
        curve.append(point)
        if not took["count"]:
            break
        figures += [
            Figure(f"echo.{calls}.p50", "ms", took["p50"]),
            Figure(f"echo.{calls}.p99", "ms", took["p99"], detail=point),
        ]
        if took["p50"] > _HOPELESS_MS:
            break
    figures.append(Figure("echo.curve", "", float(len(curve)), detail=curve))
    return figures


def _call(api: Api, calling: Calling) -> Called:
    loop = ("--loop", "uvloop") if api.uvloop else ()
    for attempt in range(_ATTEMPTS):
        with Server(api.package, _SERVERS[api.package], "echo", *loop) as server:
            called = call(server, calling)
        late = called.report["own_ticks_late_ms"]["max"]
        if late < _DISTURBED_MS or attempt == _ATTEMPTS - 1:
            return called
    raise AssertionError
