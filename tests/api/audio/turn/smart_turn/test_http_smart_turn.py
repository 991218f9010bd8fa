"""A server judges turns."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from pipecat_rs.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat_rs.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat_rs.audio.turn.smart_turn.http_smart_turn import HttpSmartTurnAnalyzer
from pipecat_rs.metrics.metrics import TurnMetricsData

AUDIO = np.array([0, 16384, -32768, 32767], np.int16)


@asynccontextmanager
async def analyzer(handler, **kwargs) -> AsyncIterator[HttpSmartTurnAnalyzer]:
    """An analyzer that has heard something, and whose server does what the handler does."""
    app = web.Application()
    app.router.add_post("/turn", handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        turn = HttpSmartTurnAnalyzer(
            url=f"http://127.0.0.1:{port}/turn", aiohttp_session=session, **kwargs
        )
        turn.set_sample_rate(16_000)
        turn.append_audio(AUDIO.tobytes(), True)
        yield turn
    await runner.cleanup()


@pytest.mark.parametrize("is_over", [True, False])
async def test_the_server_hears_the_audio_and_decides(is_over):
    requests = []

    async def judge(request: web.Request) -> web.Response:
        requests.append((request.headers, np.load(io.BytesIO(await request.read()))))
        return web.json_response({"prediction": int(is_over), "probability": 0.75})

    async with analyzer(judge, headers={"Authorization": "Basic key"}) as turn:
        state, data = await turn.analyze_end_of_turn()
    assert state is (EndOfTurnState.COMPLETE if is_over else EndOfTurnState.INCOMPLETE)
    assert isinstance(data, TurnMetricsData)
    assert (data.is_complete, data.probability) == (is_over, 0.75)
    [(headers, audio)] = requests
    assert headers["Authorization"] == "Basic key"
    assert headers["Content-Type"] == "application/octet-stream"
    assert audio.dtype == np.float32
    assert audio.tolist() == (AUDIO / 32768).tolist()
    assert turn.speech_triggered != is_over


@pytest.mark.parametrize(
    "response",
    [
        lambda: web.Response(status=500, text="out of order"),
        lambda: web.Response(text="no JSON"),
        lambda: web.json_response({"something": "else"}),
    ],
)
async def test_an_answer_that_is_none_leaves_the_turn_open_and_is_logged(response, caplog):
    async def judge(_request: web.Request) -> web.Response:
        return response()

    async with analyzer(judge) as turn:
        state, data = await turn.analyze_end_of_turn()
    assert state is EndOfTurnState.INCOMPLETE
    assert isinstance(data, TurnMetricsData) and data.probability == 0
    assert "no judgement of the turn from http://127.0.0.1" in caplog.text


async def test_a_server_that_takes_longer_than_the_pause_may_last_ends_the_turn():
    async def judge(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with analyzer(judge, params=SmartTurnParams(stop_secs=0.05)) as turn:
        assert await turn.analyze_end_of_turn() == (EndOfTurnState.COMPLETE, None)
