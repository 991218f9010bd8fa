"""Makes a run that fails small: leaves out what it fails without."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from pipecat_rs.testing.topologies import Chain, Part, Single, Switcher

from stress.plan import Behaviour, Plan, Run


def shrink(run: Run, fails: Callable[[Run], bool], tries: int = 2_000) -> Run:
    """Return a smaller run that fails too.

    Args:
        run: A run that fails.
        fails: Does a run and says whether it fails in the same way.
        tries: How many runs this may take.
    """
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller_runs(run):
            tries -= 1
            if tries < 0:
                return run
            if fails(candidate):
                run, smaller = candidate, True
                break
    return run


def _smaller_runs(run: Run) -> Iterator[Run]:
    plans = [plan for loop in run.loops for plan in loop]
    if len(plans) > 1:
        for plan in plans:
            yield replace(run, loops=((plan,),))
    for at, loop in enumerate(run.loops):
        for number, plan in enumerate(loop):
            for smaller in _smaller_plans(plan):
                changed = (*loop[:number], smaller, *loop[number + 1 :])
                yield replace(run, loops=(*run.loops[:at], changed, *run.loops[at + 1 :]))


def _smaller_plans(plan: Plan) -> Iterator[Plan]:
    steps = plan.steps
    for length in (len(steps) // 2, len(steps) // 4, 1):
        if length:
            for at in range(0, len(steps), length):
                yield replace(plan, steps=(*steps[:at], *steps[at + length :]))
    for at, step in enumerate(steps):
        if step.amount > 1:
            fewer = replace(step, amount=step.amount - 1)
            yield replace(plan, steps=(*steps[:at], fewer, *steps[at + 1 :]))
    for parts in _smaller_sequences(plan.parts):
        behaviours = tuple(s.blueprint for part in parts for s in part.singles())
        yield replace(plan, parts=parts, behaviours=behaviours)
    for simpler in (
        {"observers": ()},
        {"heartbeats": False},
        {"metrics": False},
        {"settles": False},
        {"bound": 10_000},
        {"begins": "started"},
        {"ending": "end"},
    ):
        changed = replace(plan, **simpler)  # type: ignore[arg-type]
        if changed != plan:
            yield changed


def _smaller_sequences(parts: tuple[Part, ...]) -> Iterator[tuple[Part, ...]]:
    for at, part in enumerate(parts):
        before, after = parts[:at], parts[at + 1 :]
        yield (*before, *after)
        for smaller in _smaller_parts(part):
            yield (*before, *smaller, *after)


def _smaller_parts(part: Part) -> Iterator[tuple[Part, ...]]:
    """What a part can be replaced by."""
    branches: Any = getattr(part, "branches", None)
    match part:
        case Single(blueprint=Behaviour() as behaviour):
            for smaller in _simpler(behaviour):
                yield (Single(str(smaller), smaller),)
        case Chain(parts=parts):
            yield parts
            yield from ((Chain(fewer),) for fewer in _smaller_sequences(parts))
        case Switcher(services=services):
            yield services
            yield from ((Switcher(fewer),) for fewer in _smaller_sequences(services) if fewer)
        case _ if branches is not None:
            yield from branches
            for at in range(len(branches)):
                rest = (*branches[:at], *branches[at + 1 :])
                if rest:
                    yield (replace(part, branches=rest),)  # type: ignore[type-var]
                for fewer in _smaller_sequences(branches[at]):
                    changed = (*branches[:at], fewer, *branches[at + 1 :])
                    yield (replace(part, branches=changed),)  # type: ignore[type-var]


def _simpler(behaviour: Behaviour) -> Iterator[Behaviour]:
    default = Behaviour(behaviour.number)
    for field in fields(Behaviour):
        if getattr(behaviour, field.name) != getattr(default, field.name):
            yield replace(behaviour, **{field.name: getattr(default, field.name)})
