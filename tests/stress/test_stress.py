"""A short stress, and whether the stress would notice."""

from collections.abc import Callable

import pytest
from pipecat_rs.frames.frames import EndFrame, Frame, InterruptionFrame, StartFrame
from pipecat_rs.testing.topologies import Single
from support.frames import Data, Lasting, System
from support.tasks import DOWN

from stress.ledger import TASK, Ledger
from stress.plan import Behaviour, Plan, Step, draw_run
from stress.session import BOTTOM, TOP, live
from stress.shrink import shrink

RUNS = 150


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore:.*fatal:DeprecationWarning")
def test_random_runs_have_nothing_wrong():
    found = {}
    for seed in range(RUNS):
        if findings := live(draw_run(seed)).findings:
            found[f"seed {seed}"] = findings

    assert not found


def test_a_seed_is_the_same_run_each_time():
    assert draw_run(7) == draw_run(7)
    assert str(draw_run(7)) == str(draw_run(7))
    assert draw_run(7) != draw_run(8)


# ---- what the ledger notices

PLAN = Plan(
    seed=0,
    profile="calm",
    clock="virtual",
    parts=(Single("1", Behaviour(1)),),
    steps=(),
    ending="end",
    bound=10,
    begins="started",
    observers=(),
    heartbeats=False,
    metrics=False,
    settles=False,
    behaviours=(Behaviour(1),),
)
Way = list[Frame]


def findings_of(pushed: Way, arrived: Callable[[Way], Way], *, cancelled: bool = False) -> list:
    """What the ledger says of frames of which the last processor sees others than it should."""
    ledger = Ledger(PLAN)
    frames: Way = [*pushed, EndFrame()]
    for frame in (StartFrame(), *frames):
        ledger.pushed(TASK, frame, DOWN)
        for number in (TOP.number, 1):
            ledger.entered(number, frame, DOWN)
            ledger.pushed(number, frame, DOWN)
    for frame in (StartFrame(), *arrived(frames)):
        ledger.entered(BOTTOM.number, frame, DOWN)
        ledger.pushed(BOTTOM.number, frame, DOWN)
        if isinstance(frame, InterruptionFrame):
            ledger.interrupted()
    ledger.ended_by, ledger.was_cancelled = EndFrame, cancelled
    ledger.check((TOP, BOTTOM))
    return ledger.findings


def test_all_is_well():
    assert not findings_of([Data(), System(), Lasting()], lambda frames: frames)


@pytest.mark.parametrize(
    ("arrived", "says"),
    [
        (lambda frames: frames[1:], "never entered"),
        (lambda frames: [frames[0], *frames], "twice"),
        (lambda frames: [frames[1], frames[0], *frames[2:]], "behind"),
        (lambda frames: [Data(), *frames], "from nowhere"),
    ],
    ids=["a loss", "a duplicate", "another order", "a frame of nobody's"],
)
def test_it_notices(arrived: Callable[[Way], Way], says: str):
    findings = findings_of([Data(), Data(), Data()], arrived)

    assert any(says in finding for finding in findings)


def test_a_cancel_may_lose_frames_but_not_double_them():
    three = [Data(), Data(), Data()]
    assert not findings_of(three, lambda frames: frames[:1], cancelled=True)
    assert findings_of(three, lambda frames: [frames[0], *frames], cancelled=True)


def test_an_interruption_may_drop_what_is_interruptible_alone():
    kept = lambda frames: [f for f in frames if not isinstance(f, Data | Lasting)]  # noqa: E731
    assert not findings_of([Data(), InterruptionFrame()], kept)
    assert findings_of([Lasting(), InterruptionFrame()], kept)


def test_a_run_that_fails_is_made_small():
    run = draw_run(3)

    def fails(candidate) -> bool:
        return any(step.what == "queue" for plan in candidate.loops[0] for step in plan.steps)

    assert fails(run)
    small = shrink(run, fails)
    (plan,) = small.loops[0]
    assert plan.parts == ()
    assert [step.what for step in plan.steps] == ["queue"]
    assert isinstance(plan.steps[0], Step)
