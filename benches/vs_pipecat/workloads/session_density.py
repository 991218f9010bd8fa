"""How many voice sessions in real time does a core hold, and what does a session take?

Callers take seven turns a minute with an agent that has Silero's voice activity detection and mock
services. A number of sessions is held if 99 of 100 messages of the bot's audio are at most 20 ms
behind the absolute schedule of the earliest one of their answer, nearly every turn is answered to
the end, and the server's core has something left. The server has one core, the callers another.
"""

from dataclasses import asdict, dataclass

from .api import Api
from .calls.callers import Called, Calling, Server, call
from .figure import Figure, Scale

PARTS = ("server", "python")
LATE_MS = 20.0
FULL = 0.95
ANSWERED = 0.98
_FIRST = {"pipecat": 16, "pipecat_rs": 80}
_CONNECT_RATE = {"pipecat": 8.0, "pipecat_rs": 40.0}
_SERVERS = {"pipecat": "fastapi", "pipecat_rs": "native"}
_REFINEMENTS = 2
_MOST_STEPS = 9
_GROWTH = 1.25
# Callers whose own sends were so late were disturbed, and the server as well.
_DISTURBED_MS = 8.0
# A measurement that was disturbed, or late although the core had something left, is taken again.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Point:
    """What was measured of a number of sessions.

    Parameters:
        sessions: How many.
        late_p99: Lateness of the bot's audio, in ms.
        core: Share of the core that the server took.
        answered: Share of the turns that were answered to the end.
        delay_p50: From the end of speech to the first of the answer, in ms.
        delay_p99: The same.
        kb: Memory of a session.
        disturbed: Whether the callers themselves were late.
    """

    sessions: int
    late_p99: float
    core: float
    answered: float
    delay_p50: float
    delay_p99: float
    kb: float
    disturbed: bool

    @property
    def held(self) -> bool:
        """Whether the core holds so many."""
        return self.late_p99 <= LATE_MS and self.core <= FULL and self.answered >= ANSWERED


def _point(called: Called) -> Point:
    measured = called.all
    turns = measured["answered"] + measured["unanswered"]
    late, delay = measured["behind_ms"], measured["delay_ms"]
    return Point(
        sessions=called.calls,
        late_p99=late.get("p99", float("inf")),
        core=called.core,
        answered=measured["answered"] / turns if turns else 0.0,
        delay_p50=delay.get("p50", float("inf")),
        delay_p99=delay.get("p99", float("inf")),
        kb=(called.rss_kb - called.idle_rss_kb) / called.calls,
        disturbed=called.report["own_ticks_late_ms"]["p99"] > _DISTURBED_MS,
    )


def _hold(api: Api, scale: Scale, part: str, sessions: int) -> Point:
    kind = "python" if part == "python" else _SERVERS[api.package]
    rate = _CONNECT_RATE[api.package]
    loop = ("--loop", "uvloop") if api.uvloop else ()
    best: Point | None = None
    for _ in range(_ATTEMPTS):
        with Server(api.package, kind, "agent", *loop) as server:
            # What the first session alone takes, such as the network's weights, is no session's.
            call(server, Calling({"talk": 1}, secs=4, settle_secs=2))
            calling = Calling({"talk": sessions}, scale.call_secs, connect_rate=rate)
            point = _point(call(server, calling))
        if best is None or (best.disturbed, best.late_p99) > (point.disturbed, point.late_p99):
            best = point
        if point.core > FULL or (point.held and not point.disturbed):
            break
    assert best is not None
    return best


async def measure(api: Api, scale: Scale, part: str) -> list[Figure]:
    """Sessions held, CPU and memory of a session.

    Args:
        api: The package.
        scale: How long to measure.
        part: "server": over the package's own server and transport; "python": over a transport
            written in Python on its base classes.
    """
    points = {_FIRST[api.package]: _hold(api, scale, part, _FIRST[api.package])}

    def try_with(sessions: int) -> bool:
        if sessions not in points:
            points[sessions] = _hold(api, scale, part, sessions)
        return points[sessions].held

    most, least_too_many = 0, None
    sessions = _FIRST[api.package]
    for _ in range(_MOST_STEPS):
        if try_with(sessions):
            most = sessions
            # Straight to where the core seems to be full, then on by steps.
            full = int(sessions * FULL / max(points[sessions].core, 0.01) * 0.9)
            sessions = max(int(sessions * _GROWTH), min(full, sessions * 4))
        elif most == 0 and sessions > 1:
            least_too_many, sessions = sessions, sessions // 2
        else:
            least_too_many = min(sessions, least_too_many or sessions)
            break
        if least_too_many is not None and sessions >= least_too_many:
            break
    for _ in range(_REFINEMENTS):
        if least_too_many is None or least_too_many - most <= max(2, most // 20):
            break
        sessions = (most + least_too_many) // 2
        if try_with(sessions):
            most = sessions
        else:
            least_too_many = sessions

    curve = [asdict(point) for _, point in sorted(points.items())]
    name = f"density.{part}"
    figures = [Figure(f"{name}.sessions", "", most, over_rounds="max", detail=curve)]
    if most:
        held = points[most]
        figures += [
            Figure(f"{name}.cpu", "%", held.core / most * 100),
            Figure(f"{name}.kb", "KB", held.kb),
            Figure(f"{name}.late.p99", "ms", held.late_p99),
            Figure(f"{name}.delay.p99", "ms", held.delay_p99),
        ]
    return figures
