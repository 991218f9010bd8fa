"""What a run is, drawn from its seed: a topology, how its processors behave, and what is done."""

import random
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, get_args

from pipecat_rs.testing.topologies import (
    Parallel,
    Part,
    Single,
    Switcher,
    Synchronised,
    random_topology,
)

Profile = Literal["calm", "busy", "wild"]
"""calm: nothing is lost but by interruptions. busy: frames from everywhere. wild: user code that
raises, hangs, loses frames and will not be cancelled."""

Pace = Literal["none", "passes", "sleep", "future", "event", "thread"]
Extra = Literal[
    "none", "down", "up", "broadcast", "task", "thread", "own loop", "self", "error", "interruption"
]
Place = Literal[
    "process", "setup", "cleanup", "before process", "after process", "before push", "after push",
    "callback", "on error",
]  # fmt: skip
Ending = Literal[
    "end", "end at once", "stop", "cancel", "cancel twice", "end and cancel", "outer cancel",
    "outer cancel twice", "wait_for", "cancel before run", "end request", "stop request",
    "cancel request", "fatal", "idle",
]  # fmt: skip
Clock = Literal["virtual", "asyncio", "uvloop"]


@dataclass(frozen=True)
class Behaviour:
    """How a processor behaves. What happens `every` so many frames of a run never does at 0."""

    number: int
    pace: Pace = "none"
    pace_every: int = 1
    amount: int = 1
    direct: bool = False
    narrow: bool = False
    native: bool = False
    listens: tuple[Place, ...] = ()
    extra: Extra = "none"
    extra_every: int = 0
    pauses: Literal["none", "resumed", "until", "lease"] = "none"
    pause_every: int = 0
    raises: tuple[Place, ...] = ()
    raise_every: int = 0
    drop_every: int = 0
    swallows: Literal["no", "ends", "lingers"] = "no"
    stuck_on: Literal["nothing", "start", "end", "cancel"] = "nothing"

    def __str__(self) -> str:
        default = Behaviour(self.number)
        told = {k: v for k, v in vars(self).items() if v != getattr(default, k)}
        return f"{self.number}({', '.join(f'{k}={v}' for k, v in told.items())})"


@dataclass(frozen=True)
class Step:
    """Something that is done to the running task."""

    what: str
    kind: str = ""
    up: bool = False
    target: int = 0
    amount: int = 0

    def __str__(self) -> str:
        told = (self.kind, "up" if self.up else "", str(self.target), str(self.amount))
        return f"{self.what}({' '.join(filter(None, told))})"


@dataclass(frozen=True)
class Plan:
    """A run of one task."""

    seed: int
    profile: Profile
    clock: Clock
    parts: tuple[Part, ...]
    steps: tuple[Step, ...]
    ending: Ending
    bound: int
    begins: Literal["before", "at once", "started"]
    observers: tuple[str, ...]
    heartbeats: bool
    metrics: bool
    settles: bool
    behaviours: tuple[Behaviour, ...] = field(default=())

    @property
    def switchers(self) -> bool:
        """Whether frames may be routed to one service among several."""
        return any(isinstance(part, Switcher) for part in every_part(self.parts))

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.profile}, {self.clock}, bound {self.bound}, steps begin "
            f"{self.begins}, ends by {self.ending}{' settled' if self.settles else ''}, "
            f"observers {self.observers}, heartbeats {self.heartbeats}, metrics {self.metrics}\n"
            f"  {list(self.parts)}\n  {' '.join(map(str, self.steps))}"
        )


@dataclass(frozen=True)
class Run:
    """What one seed stands for: one task or several at once, on one loop or on two."""

    seed: int
    clock: Clock
    loops: tuple[tuple[Plan, ...], ...]

    def __str__(self) -> str:
        return "\n".join(str(plan) for plans in self.loops for plan in plans)


def every_part(parts: tuple[Part, ...]) -> list[Part]:
    """A topology's parts at any depth."""
    found: list[Part] = []
    for part in parts:
        found.append(part)
        inside = getattr(part, "branches", None)
        if inside is not None:
            for branch in inside:
                found += every_part(branch)
        found += every_part(getattr(part, "parts", getattr(part, "services", ())))
    return found


def draw_run(seed: int) -> Run:
    """The run of a seed."""
    rng = random.Random(seed)
    clock: Clock = rng.choices(["virtual", "asyncio", "uvloop"], [8, 1, 1])[0]
    shape = rng.choices(["one", "several", "two loops"], [16, 3, 1])[0]
    counts = {"one": [1], "several": [rng.randint(2, 4)], "two loops": [1, rng.randint(1, 2)]}
    loops = tuple(
        tuple(draw_plan(rng, seed, clock) for _ in range(count)) for count in counts[shape]
    )
    return Run(seed, clock, loops)


def draw_plan(rng: random.Random, seed: int, clock: Clock) -> Plan:
    """A run of one task."""
    profile: Profile = rng.choice(["calm", "calm", "busy", "busy", "wild"])
    behaviours: list[Behaviour] = []

    def single(rng: random.Random) -> Single:
        behaviour = draw_behaviour(rng, len(behaviours) + 1, profile, clock)
        behaviours.append(behaviour)
        return Single(str(behaviour), behaviour)

    parts = random_topology(rng, single, most=4, depth=rng.choice([0, 1, 2, 3]))
    # Two that push to each other with full mailboxes wait for seconds.
    threads = any("thread" in b.pace or b.extra in ("thread", "own loop") for b in behaviours)
    in_real_time = clock != "virtual" or threads
    step = partial(draw_step, rng, len(behaviours), profile, clock)
    return Plan(
        seed=seed,
        profile=profile,
        clock=clock,
        parts=parts,
        steps=tuple(step() for _ in range(rng.choice([0, 3, 8, 8, 15, 25]))),
        ending=draw_ending(rng, clock),
        bound=rng.choice([10_000] if in_real_time else [1, 2, 4, 10_000, 10_000]),
        begins=rng.choice(["before", "at once", "started", "started"]),
        observers=tuple(rng.choices(["none", "quick", "slow", "raises"], [4, 1, 1, 1], k=2)),
        heartbeats=rng.random() < 0.1,
        metrics=rng.random() < 0.1,
        settles=rng.random() < 0.5,
        behaviours=tuple(behaviours),
    )


def draw_ending(rng: random.Random, clock: Clock) -> Ending:
    """How a run ends; mostly in an orderly way, where most can be checked."""
    if rng.random() < 0.6:
        return rng.choice(["end", "end", "end at once", "stop"])
    ending: Ending = rng.choice(get_args(Ending))
    return "cancel" if ending == "idle" and clock != "virtual" else ending


def draw_behaviour(rng: random.Random, number: int, profile: Profile, clock: Clock) -> Behaviour:
    """How one processor behaves."""
    if rng.random() < 0.12:
        return Behaviour(number, native=True)
    drawn: dict[str, object] = {}
    thread = 0.3 if clock == "virtual" else 1
    pace = rng.choices(get_args(Pace), [5, 5, 3, 2, 2, thread])[0]
    drawn |= {"pace": pace, "pace_every": rng.randint(1, 4), "amount": rng.randint(1, 4)}
    drawn["direct"] = rng.random() < 0.15
    drawn["narrow"] = not drawn["direct"] and rng.random() < 0.2
    if rng.random() < 0.2:
        places = ("before process", "after process", "before push", "after push")
        drawn["listens"] = tuple(p for p in places if rng.random() < 0.5)
    if profile != "calm" and rng.random() < 0.4:
        drawn |= {"extra": rng.choice(get_args(Extra)), "extra_every": rng.randint(2, 6)}
    if profile != "calm" and rng.random() < 0.15:
        pauses = ["resumed", "until"] + (["lease"] if clock == "virtual" else [])
        drawn |= {"pauses": rng.choice(pauses), "pause_every": rng.randint(3, 8)}
    if profile == "wild":
        if rng.random() < 0.4:
            places = get_args(Place)
            drawn["raises"] = tuple(p for p in places if rng.random() < 0.3)
            drawn["raise_every"] = rng.randint(1, 5)
        if rng.random() < 0.15:
            drawn["drop_every"] = rng.randint(2, 5)
        if rng.random() < 0.15:
            drawn["swallows"] = rng.choice(["ends", "ends", "lingers"])
        if rng.random() < 0.05:
            drawn["stuck_on"] = rng.choice(["start", "end", "cancel"])
    return Behaviour(number, **drawn)  # type: ignore[arg-type]


KINDS = ("data", "data", "data", "control", "system", "system", "lasting", "own", "words", "made")


def draw_step(rng: random.Random, singles: int, profile: Profile, clock: Clock) -> Step:
    """Something that is done to the running task."""
    kind, up = rng.choice(KINDS), rng.random() < 0.25
    target = rng.randint(1, singles) if singles else 0
    calm = [
        Step("queue", kind, up),
        Step("burst", kind, up, amount=rng.randint(2, 6)),
        Step("passes", amount=rng.randint(1, 5)),
        Step("sleep", amount=rng.randint(1, 3)),
        Step("interrupt", rng.choice(["queued", "request"])),
        Step("switch", target=rng.randint(0, 2), amount=rng.randint(0, 2)),
        Step("snapshot"),
    ]
    weights = [8.0, 3, 3, 1, 1, 0.7, 0.3]
    if profile == "calm":
        return rng.choices(calm, weights)[0]
    busy = [
        Step("thread", kind, up, amount=rng.randint(1, 4)),
        Step("into", kind, up, target),
        Step("push", kind, up, target),
        Step("pause", rng.choice(["data", "system", "frame", "urgent"]), target=target),
        Step("resume", target=target),
        Step("flush"),
        Step("observer", rng.choice(["add", "remove"])),
    ]
    # In real time nobody waits for the end of a lease.
    thread, pause = (0.1, 0.5) if clock == "virtual" else (0.5, 0)
    return rng.choices([*calm, *busy], [*weights, thread, 1, 1, pause, 0.7, 0.3, 0.2])[0]


def has_branches(plan: Plan) -> bool:
    """Whether a frame may take several ways at once."""
    return any(isinstance(part, Parallel | Synchronised) for part in every_part(plan.parts))


def holds_system_frames(plan: Plan) -> bool:
    """Whether system frames may be paused."""
    return any(step.what == "pause" and step.kind == "system" for step in plan.steps) or any(
        behaviour.pauses == "until" for behaviour in plan.behaviours
    )
