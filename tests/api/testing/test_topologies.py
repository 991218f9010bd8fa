"""Descriptions of pipelines: what they build, how they print, and that chance repeats itself."""

import random

from pipecat_rs.frames.frames import EndFrame
from pipecat_rs.pipeline.parallel_pipeline import ParallelPipeline
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.service_switcher import ServiceSwitcher
from pipecat_rs.pipeline.sync_parallel_pipeline import SyncParallelPipeline
from pipecat_rs.testing import Recorder, running
from pipecat_rs.testing.topologies import (
    COMPOUNDS,
    Chain,
    Parallel,
    Single,
    Switcher,
    Synchronised,
    build,
    random_topology,
)
from support.frames import Data, tags
from support.processors import Pass
from support.tasks import task_of

ONE, TWO = Single("one", Pass), Single("two", Pass)


def test_each_part_builds_its_compound():
    assert type(Chain((ONE,)).build()) is Pipeline
    assert type(Parallel(((ONE,), (TWO,))).build()) is ParallelPipeline
    assert type(Synchronised(((ONE,), (TWO,))).build()) is SyncParallelPipeline
    assert type(Switcher((ONE, TWO)).build()) is ServiceSwitcher
    assert type(ONE.build()) is Pass


def test_a_single_branch_stays_one_sequence():
    compound = Parallel(((ONE, TWO),)).build()
    assert len(compound.entry_processors) == 1


def test_every_build_makes_new_processors():
    first, second = ONE.build(), ONE.build()
    assert first is not second


def test_blueprints_are_made_by_whoever_builds():
    made = []

    def make(blueprint: int) -> Pass:
        made.append(blueprint)
        return Pass()

    build([Single("a", 1), Chain((Single("b", 2), Switcher((Single("c", 3),))))], make)
    assert made == [1, 2, 3]


def test_a_topology_prints_as_it_would_be_written():
    assert repr(Parallel(((ONE,), ()))) == "ParallelPipeline([one], [])"
    assert repr(Chain((ONE, Switcher((TWO,))))) == "Pipeline([one, ServiceSwitcher([two])])"


def test_singles_come_in_the_order_in_which_they_are_made():
    part = Chain((ONE, Parallel(((TWO,), (ONE,)))))
    assert [single.label for single in part.singles()] == ["one", "two", "one"]


def test_the_same_seed_draws_the_same_topology():
    def draw(seed: int) -> str:
        return repr(random_topology(random.Random(seed), lambda rng: rng.choice([ONE, TWO])))

    assert draw(1) == draw(1)
    assert len({draw(seed) for seed in range(50)}) > 25


def test_every_compound_is_drawn_and_no_other_than_asked_for():
    def kinds(compounds: tuple) -> set:
        parts = [
            part
            for seed in range(200)
            for part in random_topology(
                random.Random(seed), lambda _: ONE, depth=1, compounds=compounds
            )
        ]
        return {type(part) for part in parts}

    assert kinds(COMPOUNDS) == {Single, *COMPOUNDS}
    assert kinds((Chain,)) == {Single, Chain}
    assert kinds(()) == {Single}


async def test_what_is_built_runs():
    out = Recorder()
    topology = (ONE, Parallel(((TWO,), ())), Synchronised(((ONE,), ())), Switcher((TWO,)))
    task = task_of(build(topology), out)
    async with running(task) as run:
        await task.queue_frames([Data(1), Data(2), EndFrame()])
        await run
    assert tags(out.frames()) == [1, 2]
