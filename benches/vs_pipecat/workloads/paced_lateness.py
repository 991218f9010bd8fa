"""How late is the bot's audio when Python blocks the loop's thread for 200 ms in each second?

Ten sessions play audio that has been queued whole. Lateness is that of a message's arrival at the
caller, against the absolute schedule of the earliest: what was sent ahead does not make up for it.
"""

from .api import Api
from .calls.callers import Calling, Server, call
from .figure import Figure, Scale

CALLS = 10
BLOCKED_SECS = 0.2
_SERVERS = {"pipecat": "fastapi", "pipecat_rs": "native"}


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """p50, p99, p99.9 and the worst, in ms."""
    loop = ("--loop", "uvloop") if api.uvloop else ()
    options = ("--block", str(BLOCKED_SECS), *loop)
    with Server(api.package, _SERVERS[api.package], "monologue", *options) as server:
        calling = Calling({"listen": CALLS}, scale.call_secs, 1.0, options=("--answer-secs", "0"))
        late = call(server, calling).all["behind_ms"]
    if not late["count"]:
        return [Figure("paced.p999", "ms", None, note="no audio came")]
    figures = [
        Figure(f"paced.{name}", "ms", late[name], over_rounds="median")
        for name in ("p50", "p99", "p999", "max")
    ]
    histogram = {"bounds_ms": late["bounds_ms"], "bins": late["bins"]}
    return [*figures, Figure("paced.count", "", late["count"], detail=histogram)]
