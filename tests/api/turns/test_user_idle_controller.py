"""When the user has said nothing for long (rule 113)."""

import asyncio
from types import SimpleNamespace

import pytest
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    FunctionCallFromLLM,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    UserIdleTimeoutUpdateFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat_rs.turns.user_idle_controller import UserIdleController
from pipecat_rs.utils.asyncio.task_manager import TaskManager
from support.waiting import calls_of

SOON = 0.01


@pytest.fixture
async def controller_of():
    made = []

    async def make(timeout: float) -> UserIdleController:
        controller = UserIdleController(user_idle_timeout=timeout)
        await controller.setup(SimpleNamespace(task_manager=TaskManager()))
        made.append(controller)
        return controller

    yield make
    for controller in made:
        await controller.cleanup()


async def test_the_time_runs_from_the_end_of_the_bots_speech(controller_of):
    controller = await controller_of(SOON)
    idle = calls_of(controller, "on_user_turn_idle")
    await controller.process_frame(BotStartedSpeakingFrame())
    await asyncio.sleep(3 * SOON)
    assert not idle
    await controller.process_frame(BotStoppedSpeakingFrame())
    assert controller.waiting_for_user
    await idle.wait()


@pytest.mark.parametrize("speaks", [UserStartedSpeakingFrame, BotStartedSpeakingFrame])
async def test_whoever_speaks_ends_it(controller_of, speaks):
    controller = await controller_of(SOON)
    idle = calls_of(controller, "on_user_turn_idle")
    await controller.process_frame(BotStoppedSpeakingFrame())
    await controller.process_frame(speaks())
    await asyncio.sleep(3 * SOON)
    assert not idle
    assert not controller.waiting_for_user


async def test_it_does_not_run_within_a_turn_or_while_functions_run(controller_of):
    controller = await controller_of(SOON)
    idle = calls_of(controller, "on_user_turn_idle")
    await controller.process_frame(UserStartedSpeakingFrame())
    await controller.process_frame(BotStoppedSpeakingFrame())
    await controller.process_frame(UserStoppedSpeakingFrame())
    call = FunctionCallFromLLM("f", "1", {}, None)
    await controller.process_frame(FunctionCallsStartedFrame(function_calls=[call]))
    await controller.process_frame(BotStoppedSpeakingFrame())
    await asyncio.sleep(3 * SOON)
    assert not idle
    await controller.process_frame(FunctionCallResultFrame("f", "1", {}, "done"))
    await controller.process_frame(BotStoppedSpeakingFrame())
    await idle.wait()


async def test_the_time_changes_while_it_runs(controller_of):
    controller = await controller_of(0)
    idle = calls_of(controller, "on_user_turn_idle")
    await controller.process_frame(BotStoppedSpeakingFrame())
    await controller.process_frame(UserIdleTimeoutUpdateFrame(timeout=SOON))
    await idle.wait()
    await controller.process_frame(BotStoppedSpeakingFrame())
    await controller.process_frame(UserIdleTimeoutUpdateFrame(timeout=0))
    await asyncio.sleep(3 * SOON)
    assert len(idle) == 1
