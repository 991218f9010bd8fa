"""`SessionServer`: a bot for each connection, who gets one, and how it all ends."""

import asyncio
import logging
import threading

import pytest
from pipecat_rs.exceptions import PipecatError
from pipecat_rs.runner.http import HttpResponse
from pipecat_rs.runner.server_settings import ConnectionLimits, TlsFiles
from pipecat_rs.runner.session_server import SessionServer
from support.serving import TLS, connect, echo, fetch, health, refusal, server_of
from support.waiting import until, within


class Bots:
    """Bots that run until their peer says `end`, or `release` is called."""

    def __init__(self) -> None:
        self.arguments: list = []
        self.threads: list[str] = []
        self._go = threading.Event()

    async def __call__(self, arguments) -> None:
        self.arguments.append(arguments)
        self.threads.append(threading.current_thread().name)
        await arguments.websocket.send("hello")
        async for message in arguments.websocket:
            if message == "end":
                break
        while not self._go.is_set() and arguments.websocket.is_open is False:
            await asyncio.sleep(0.001)

    def release(self) -> None:
        self._go.set()


# ---- a bot for each connection


async def test_each_connection_has_a_bot_of_its_own():
    bots = Bots()
    bots.release()
    async with server_of(bots) as server:
        first = await connect(server.url("/?name=Ada"))
        second = await connect(server.url("/ws"))
        assert await first.recv() == await second.recv() == "hello"
        one, other = sorted(bots.arguments, key=lambda one: len(one.websocket.path), reverse=True)
        assert one.session_id != other.session_id
        assert one.websocket.query_params == {"name": "Ada"}
        assert one.transport_type == "websocket"
        assert other.transport_type is None  # its first messages say which provider it is
        assert one.body == other.body == {}
        assert not one.handle_sigint
        assert server.stats().sessions == 2
        for connection in (first, second):
            await connection.send("end")
            await within(connection.wait_closed())
            assert connection.close_code == 1000
        await until(lambda: server.stats().totals["completed"] == 2)
        assert server.stats().sessions == 0


async def test_sessions_are_spread_over_the_loops():
    bots = Bots()
    bots.release()
    async with server_of(bots, loops=3) as server:
        peers = [await connect(server.url()) for _ in range(9)]
        for peer in peers:
            assert await within(peer.recv()) == "hello"
        assert server.stats().loops == [3, 3, 3]
        assert len(set(bots.threads)) == 3


async def test_a_bot_that_fails_closes_its_own_connection_alone(caplog):
    async def bot(arguments):
        if await arguments.websocket.recv() == "fail":
            raise RuntimeError("no such number")
        await echo(arguments)

    async with server_of(bot, loops=2) as server:
        failing, other = await connect(server.url()), await connect(server.url())
        await other.send("go on")
        await failing.send("fail")
        await within(failing.wait_closed())
        assert (failing.close_code, failing.close_reason) == (1011, "the bot failed")
        await other.send("are you there?")
        assert await within(other.recv()) == "are you there?"
        await until(lambda: server.stats().totals["failed"] == 1)
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "session" in record.message and "no such number" in caplog.text


async def test_a_bot_that_exits_ends_its_own_session_alone():
    async def bot(arguments):
        if await arguments.websocket.recv() == "exit":
            raise SystemExit(3)
        await echo(arguments)

    async with server_of(bot) as server:
        exiting, other = await connect(server.url()), await connect(server.url())
        await other.send("go on")
        await exiting.send("exit")
        await within(exiting.wait_closed())
        await other.send("are you there?")
        assert await within(other.recv()) == "are you there?"


async def test_what_a_bot_leaves_running_is_named_and_ended(caplog):
    ended = asyncio.Event()

    async def straggler():
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async def bot(arguments):
        asyncio.create_task(straggler(), name="the straggler")  # noqa: RUF006

    async with server_of(bot) as server:
        await within((await connect(server.url())).wait_closed())
        await within(server.drain())
        assert ended.is_set()
    assert "left a task behind, which was cancelled: the straggler" in caplog.text


async def test_a_bot_whose_peer_is_gone_is_cancelled_in_the_end(caplog):
    async def bot(arguments):
        await arguments.websocket.recv()
        await asyncio.sleep(3600)

    async with server_of(bot, linger_timeout=0.05) as server:
        peer = await connect(server.url())
        await peer.send("hello")
        await peer.close()
        await until(lambda: server.stats().totals["cancelled"] == 1)
        assert server.stats().sessions == 0
    assert "after its peer has gone" in caplog.text


# ---- who is let in


@pytest.mark.parametrize("loops", [1, 2])
async def test_no_more_are_let_in_than_there_may_be_however_many_come_at_once(loops: int):
    bots = Bots()
    async with server_of(bots, max_sessions=10, loops=loops) as server:
        attempts = [connect(server.url()) for _ in range(50)]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        peers = [one for one in results if not isinstance(one, BaseException)]
        refused = [str(one) for one in results if isinstance(one, ConnectionError)]
        assert (len(peers), len(refused)) == (10, 40)
        assert all("503" in why and "full" in why for why in refused)
        stats = server.stats()
        assert (stats.status, stats.sessions, stats.totals["refused_full"]) == ("full", 10, 40)
        bots.release()
        await peers[0].send("end")
        await within(peers[0].wait_closed())
        await until(lambda: server.stats().sessions == 9)
        peers.append(await connect(server.url()))
        assert "full" in await refusal(server.url())


async def test_a_place_is_free_when_the_bot_has_ended_and_not_before():
    bots = Bots()
    async with server_of(bots, max_sessions=1) as server:
        peer = await connect(server.url())
        await within(peer.recv())
        await peer.close()
        assert "full" in await refusal(server.url())  # the bot still has something to do
        bots.release()
        await until(lambda: server.stats().sessions == 0)
        await (await connect(server.url())).close()


async def test_who_is_refused_for_now_is_told_when_to_come_again():
    async with server_of(Bots(), max_sessions=1) as server:
        peer = await connect(server.url())
        _, port = server.address
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        answer = (await within(reader.read())).decode().lower()
        writer.close()
        assert answer.startswith("http/1.1 503") and "retry-after: 5" in answer
        await peer.close()


async def test_the_authorize_hook_decides():
    async def authorize(request):
        assert request.wants_websocket
        match request.bearer_token():
            case "friend":
                return True
            case "guest":
                return {"name": request.query_params["name"]}
            case "broken":
                raise RuntimeError("no database")
        return None

    bots = Bots()
    bots.release()
    async with server_of(bots, authorize=authorize) as server:
        friend = await connect(server.url(), [("authorization", "Bearer friend")])
        await within(friend.recv())
        guest = await connect(server.url("/?token=guest&name=Ada"))
        await within(guest.recv())
        assert [arguments.body for arguments in bots.arguments] == [{}, {"name": "Ada"}]
        assert "401" in await refusal(server.url())
        assert "500" in await refusal(server.url("/?token=broken"))
        assert server.stats().totals["refused_unauthorized"] == 2


async def test_an_authorize_hook_that_hangs_holds_up_nobody_else():
    async def authorize(request):
        if request.bearer_token() == "slow":
            await asyncio.sleep(3600)
        return True

    async with server_of(echo, authorize=authorize, authorize_timeout=0.3) as server:
        slow = asyncio.create_task(refusal(server.url("/?token=slow")))
        peer = await connect(server.url())
        await peer.send("hello")
        assert await within(peer.recv()) == "hello"
        assert "503" in await within(slow)
        assert server.stats().sessions == 1


async def test_hooks_that_hang_take_no_place():
    entered = asyncio.Event()

    async def authorize(request):
        if request.bearer_token() == "slow":
            entered.set()
            await asyncio.sleep(3600)
        return True

    async with server_of(echo, max_sessions=1, authorize=authorize) as server:
        slow = asyncio.create_task(connect(server.url("/?token=slow")))
        await within(entered.wait())
        await connect(server.url())
        slow.cancel()
        await asyncio.wait({slow})


async def test_subprotocols_the_first_on_offer_is_taken():
    async def authorize(request):
        assert request.subprotocols == ["voice.v2", "voice.v1"]
        return True

    for hook in (None, authorize):
        async with server_of(echo, authorize=hook) as server:
            peer = await connect(server.url(), protocols=["voice.v2", "voice.v1"])
            assert peer.subprotocol == "voice.v2"


async def test_pages_of_other_origins_are_refused():
    async with server_of(echo, allowed_origins=["https://example.com"]) as server:
        await connect(server.url(), [("origin", "https://example.com")])
        assert "403" in await refusal(server.url(), [("origin", "https://evil.example")])
        assert 'reason="origin"} 1' in server.metrics()


async def test_only_some_paths_have_a_websocket():
    async with server_of(echo, paths=["/ws"]) as server:
        await connect(server.url("/ws"))
        assert "404" in await refusal(server.url("/other"))


async def test_one_address_may_have_so_many():
    limits = ConnectionLimits(max_connections_per_address=2)
    async with server_of(echo, limits=limits) as server:
        peers = [await connect(server.url()) for _ in range(2)]
        assert "429" in await refusal(server.url())
        assert all(peer.is_open for peer in peers)


async def test_nobody_is_let_in_while_no_loop_answers():
    blocked, go = threading.Event(), threading.Event()

    async def bot(arguments):
        if await arguments.websocket.recv() == "block":
            blocked.set()
            go.wait(20)

    async with server_of(bot, loops=2, max_loop_delay=0.3) as server:
        for _ in range(2):
            peer = await connect(server.url())
            await peer.send("block")
            await asyncio.to_thread(blocked.wait, 10)
            blocked.clear()
        await until(lambda: server.stats().status == "overloaded", 10)
        assert "overloaded" in await refusal(server.url())
        status, _, _ = await fetch(server.url("/ready").replace("ws:", "http:"))
        assert status == 503
        go.set()
        await until(lambda: server.stats().status == "ok", 10)
        peer = await connect(server.url())
        await peer.send("go")
        await within(peer.wait_closed())


async def test_tls():
    tls = TlsFiles(certificate=TLS / "cert.pem", private_key=TLS / "key.pem")
    async with server_of(echo, tls=tls) as server:
        url = server.url().replace("127.0.0.1", "localhost")
        assert url.startswith("wss://")
        peer = await connect(url, ca_certificates=(TLS / "ca.pem").read_bytes())
        await peer.send("hello")
        assert await within(peer.recv()) == "hello"
        assert "certificate" in (await refusal(url)).lower()  # the authority is not known there
        await peer.close()


async def test_a_certificate_that_is_none_is_refused_at_the_start():
    tls = TlsFiles(certificate=TLS / "README.md", private_key=TLS / "key.pem")
    with pytest.raises((OSError, ValueError), match="certificate"):
        await server_of(echo, tls=tls).start()


async def test_a_port_that_is_taken_is_named():
    async with server_of(echo) as server:
        _, port = server.address
        with pytest.raises(OSError, match=f"cannot listen on .*{port}"):
            await SessionServer(echo, "127.0.0.1", port).start()


# ---- peers that are no good


async def test_an_oversized_message_ends_its_own_session():
    limits = ConnectionLimits(max_message_bytes=1000)
    async with server_of(echo, limits=limits) as server:
        bad, good = await connect(server.url()), await connect(server.url())
        await bad.send("x" * 1001)
        await within(bad.wait_closed())
        assert bad.close_code == 1009
        await good.send("x" * 1000)
        assert len(await within(good.recv())) == 1000


async def test_a_flood_ends_its_own_session():
    limits = ConnectionLimits(max_messages_per_second=50, message_burst=100)
    async with server_of(echo, limits=limits) as server:
        bad, good = await connect(server.url()), await connect(server.url())
        with pytest.raises((ConnectionError, BufferError)):
            for _ in range(100_000):
                await bad.send("x")
                await asyncio.sleep(0)
        await within(bad.wait_closed())
        assert bad.close_code == 1008
        await good.send("hello")
        assert await within(good.recv()) == "hello"


# ---- HTTP


async def test_it_tells_how_it_is():
    async with server_of(echo, max_sessions=2) as server:
        url = server.url().replace("ws:", "http:")
        assert (await fetch(url + "ready"))[0] == 200
        peer = await connect(server.url())
        await peer.send("hello")
        await within(peer.recv())
        said = await health(url)
        assert said["status"] == "ok"
        assert (said["sessions"], said["max_sessions"]) == (1, 2)
        assert [one["sessions"] for one in said["loops"]] == [1]
        other = await connect(server.url())
        status, _, text = await fetch(url + "ready")
        assert status == 503 and '"status": "full"' in text
        assert (await fetch(url + "health"))[0] == 200  # it lives all the same
        await other.close()


async def test_metrics_are_in_prometheus_format():
    async with server_of(echo, max_sessions=1) as server:
        url = server.url().replace("ws:", "http:")
        peer = await connect(server.url())
        await peer.send("12345")
        await within(peer.recv())
        await refusal(server.url())
        status, headers, text = await fetch(url + "metrics")
        assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = text.splitlines()
        for expected in [
            "pipecat_rs_sessions 1",
            "pipecat_rs_sessions_maximum 1",
            "pipecat_rs_ready 0",
            "pipecat_rs_sessions_started_total 1",
            'pipecat_rs_sessions_refused_total{reason="full"} 1',
            "pipecat_rs_websocket_received_bytes_total 5",
            "pipecat_rs_websocket_sent_bytes_total 5",
            'pipecat_rs_loop_sessions{loop="0"} 1',
        ]:
            assert expected in lines, text
        families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
        assert len(families) == len(set(families))
        assert "pipecat_rs_output_lateness_seconds" in families
        assert "pipecat_rs_event_loop_delay_seconds" in families
        await peer.send("end")
        await within(peer.wait_closed())
        await until(lambda: server.stats().sessions == 0)
        assert 'finished_total{outcome="completed"} 1' in server.metrics()
        assert "session_duration_seconds_count 1" in server.metrics()
        assert "received_bytes_total 8" in server.metrics()  # of those that are over too


async def test_other_requests_are_answered_by_the_http_hook(caplog):
    async def http(request):
        if request.path == "/fail":
            raise RuntimeError("no")
        if request.path != "/webhook" or request.method != "POST":
            return None
        assert not request.wants_websocket
        said = f"<Say>{request.form()['From']} {request.query_params['x']}</Say>"
        return HttpResponse(said, content_type="text/xml", headers={"x-bot": "1"})

    async with server_of(echo, http=http) as server:
        url = server.url().replace("ws:", "http:")
        status, headers, text = await fetch(
            url + "webhook?x=1", method="POST", body=b"From=%2B1555&To=2"
        )
        assert (status, text) == (200, "<Say>+1555 1</Say>")
        assert headers["content-type"] == "text/xml" and headers["x-bot"] == "1"
        assert (await fetch(url + "other"))[0] == 404
        assert (await fetch(url + "fail"))[0] == 500


async def test_without_an_http_hook_there_is_nothing_else():
    async with server_of(echo) as server:
        assert (await fetch(server.url("/webhook").replace("ws:", "http:")))[0] == 404


# ---- the end


async def test_a_drain_waits_for_the_sessions_and_lets_nobody_in():
    async with server_of(echo, loops=2) as server:
        peers = [await connect(server.url()) for _ in range(2)]
        draining = asyncio.create_task(server.drain())
        await until(lambda: server.stats().status == "draining")
        assert "no more" in await refusal(server.url())
        said = await health(server.url().replace("ws:", "http:"))
        assert (said["status"], said["sessions"]) == ("draining", 2)
        assert (await fetch(server.url("/ready").replace("ws:", "http:")))[0] == 503
        for peer in peers:
            assert not draining.done()
            await peer.send("one more word")
            assert await within(peer.recv()) == "one more word"
            await peer.send("end")
            await within(peer.wait_closed())
        assert await within(draining) is True
        totals = server.stats().totals
        assert (totals["completed"], totals["refused_draining"]) == (2, 1)


async def test_sessions_that_outlast_the_drain_are_cancelled():
    async with server_of(echo, drain_timeout=0.05) as server:
        peer = await connect(server.url())
        await peer.send("hello")
        await within(peer.recv())
        assert await within(server.drain()) is False
        await within(peer.wait_closed())
        assert server.stats().totals["cancelled"] == 1
        assert server.stats().sessions == 0


async def test_leaving_the_server_ends_all_that_runs():
    async with server_of(echo, loops=2) as server:
        peers = [await connect(server.url()) for _ in range(4)]
        for peer in peers:
            await peer.send("hello")
            await within(peer.recv())
    for peer in peers:
        await within(peer.wait_closed())
    with pytest.raises(PipecatError, match="not open"):
        server.stats()


async def test_a_server_that_is_closed_can_be_opened_again():
    server = server_of(echo)
    for _ in range(2):
        async with server:
            peer = await connect(server.url())
            await peer.send("hello")
            assert await within(peer.recv()) == "hello"
    await server.close()  # once more does no harm


async def test_two_servers_on_one_loop_leave_its_tasks_as_they_were():
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    first, second = server_of(echo), server_of(echo)
    await first.start()
    await second.start()
    await first.close()
    peer = await connect(second.url())
    await peer.send("hello")
    assert await within(peer.recv()) == "hello"
    await second.close()
    assert loop.get_task_factory() is before
    await peer.close()


@pytest.mark.parametrize("numbers", [{"max_sessions": 0}, {"loops": 0}])
async def test_numbers_that_make_no_sense(numbers: dict):
    with pytest.raises(ValueError, match="at least 1"):
        server_of(echo, **numbers)


@pytest.fixture(autouse=True)
def logged(caplog):
    caplog.set_level(logging.INFO)
