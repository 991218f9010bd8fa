"""With pytest-asyncio, a module's tests run in virtual time by one fixture."""

import asyncio

import pytest
from pipecat_rs.testing import VirtualClock, VirtualTimePolicy

pytestmark = pytest.mark.filterwarnings("ignore:.*event_loop_policy.*")


@pytest.fixture
def event_loop_policy() -> VirtualTimePolicy:
    return VirtualTimePolicy()


async def test_it_sleeps_for_an_hour():
    before = VirtualClock.current().time()
    await asyncio.sleep(3600)
    assert VirtualClock.current().time() - before == 3600
