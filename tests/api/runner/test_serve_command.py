"""`pipecat-rs serve`, as a process that gets signals; and `python bot.py`."""

import asyncio
import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest
from support.commands import running, serving
from support.serving import TLS, connect, fetch, health, refusal
from support.waiting import until, within

ECHO = """
import os

async def bot(arguments):
    async for message in arguments.websocket:
        await arguments.websocket.send(f"{os.getpid()} {message}")
        if message == "end":
            return
        if message == "block":
            while True:
                pass
"""


@pytest.fixture
def bot(tmp_path: Path) -> str:
    file = tmp_path / "echo_bot.py"
    file.write_text(ECHO)
    return str(file)


@pytest.fixture(params=["uvloop", "asyncio"])
def loop_kind(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment in which a command uses one or the other event loop."""
    if request.param == "uvloop":
        return {}
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "uvloop.py").write_text("raise ImportError('hidden')")
    return {"PYTHONPATH": str(hidden)}


async def said_by(peer, message: str) -> str:
    await peer.send(message)
    return await within(peer.recv())


async def hang_up(peer) -> None:
    await said_by(peer, "end")
    await within(peer.wait_closed())


async def test_sigterm_lets_the_calls_go_on_to_their_end(bot: str, loop_kind: dict[str, str]):
    async with serving(bot, "--loops", "2", **loop_kind) as command:
        url = await command.url()
        peer = await connect(url)
        await said_by(peer, "hello")
        command.signal(signal.SIGTERM)
        await command.until("draining: 1 sessions")
        assert "no more" in await refusal(url)
        assert (await health(url.replace("ws:", "http:")))["status"] == "draining"
        assert (await said_by(peer, "still here")).endswith("still here")
        await hang_up(peer)
        assert await command.wait() == 0


async def test_a_second_signal_ends_it_at_once(bot: str, loop_kind: dict[str, str]):
    async with serving(bot, **loop_kind) as command:
        peer = await connect(await command.url())
        await said_by(peer, "hello")
        command.signal(signal.SIGINT)
        await command.until("draining")
        command.signal(signal.SIGTERM)
        assert await command.wait() == 128 + signal.SIGTERM
        await within(peer.wait_closed())


async def test_a_bot_that_blocks_the_only_loop_cannot_keep_it_from_ending(
    bot: str, loop_kind: dict[str, str]
):
    async with serving(bot, **loop_kind) as command:
        peer = await connect(await command.url())
        await said_by(peer, "block")
        command.signal(signal.SIGTERM)
        url = (await command.url()).replace("ws:", "http:")
        while (await health(url))["status"] != "draining":
            await asyncio.sleep(0.01)
        command.signal(signal.SIGTERM)
        assert await command.wait() == 128 + signal.SIGTERM


async def test_calls_that_outlast_the_drain_are_cancelled(bot: str):
    async with serving(bot, "--drain-timeout", "0.1") as command:
        peer = await connect(await command.url())
        await said_by(peer, "hello")
        command.signal()
        await within(peer.wait_closed())
        assert await command.wait() == 0
        assert "still run after" in command.said


async def test_token_origin_and_limits_of_the_command_line(bot: str):
    options = ("--auth-token", "CALL_TOKEN", "--allowed-origin", "https://example.com")
    limits = ("--max-sessions", "1", "--max-frame-bytes", "100")
    async with serving(bot, *options, *limits, CALL_TOKEN="s3cret") as command:
        url = await command.url()
        assert "401" in await refusal(url)
        assert "401" in await refusal(url + "?token=wrong")
        shown = [("authorization", "Bearer s3cret")]
        assert "403" in await refusal(url, [*shown, ("origin", "https://evil.example")])
        peer = await connect(url, shown)
        assert "full" in await refusal(url + "?token=s3cret")
        await peer.send("x" * 101)
        await within(peer.wait_closed())
        assert peer.close_code == 1009


async def test_tls_of_the_command_line(bot: str):
    files = ("--tls-cert", str(TLS / "cert.pem"), "--tls-key", str(TLS / "key.pem"))
    async with serving(bot, *files, "--processes", "2") as command:
        url = await command.url()
        assert url.startswith("wss://")
        peer = await connect(url, ca_certificates=(TLS / "ca.pem").read_bytes())
        assert (await said_by(peer, "hello")).endswith("hello")


@pytest.mark.parametrize(
    ("source", "arguments", "complaint"),
    [
        (None, ["nowhere.py"], "there is no file 'nowhere.py'"),
        ("def bot(arguments): ...", [], "is no coroutine function"),
        ("async def boot(arguments): ...", [], "has no function 'bot'; it has boot"),
        ("async def bot(): ...", [], "cannot be called with one argument"),
        ("raise RuntimeError('no key')", [], "RuntimeError: no key"),
        (ECHO, ["--tls-cert", "x.pem"], "both a certificate and a key"),
        (ECHO, ["--auth-token", "NOT_SET_HERE"], "NOT_SET_HERE"),
        (ECHO, ["--max-sessions", "1", "--processes", "2"], "cannot share 1 sessions"),
        (ECHO, ["--processes", "2", "--tls-cert", "x.pem", "--tls-key", "x.pem"], "x.pem"),
    ],
)
async def test_what_cannot_be_served_is_said(
    tmp_path: Path, source: str | None, arguments: list[str], complaint: str
):
    if source is not None:
        (tmp_path / "a_bot.py").write_text(source)
        arguments = [str(tmp_path / "a_bot.py"), *arguments]
    async with serving(*arguments) as command:
        assert await command.wait() == 1
        assert complaint in command.said


# ---- several processes


async def test_processes_share_the_sessions_evenly_and_up_to_the_maximum(bot: str):
    async with serving(bot, "--processes", "2", "--max-sessions", "10") as command:
        url = await command.url()
        results = await asyncio.gather(*(connect(url) for _ in range(30)), return_exceptions=True)
        peers = [one for one in results if not isinstance(one, BaseException)]
        refused = [str(one) for one in results if isinstance(one, ConnectionError)]
        assert (len(peers), len(refused)) == (10, 20), results
        processes = Counter([(await said_by(peer, "who?")).split()[0] for peer in peers])
        assert sorted(processes.values()) == [5, 5]
        await hang_up(peers.pop())
        for _ in range(500):  # the process that has the port learns of it soon
            try:
                peers.append(await connect(url))
                break
            except ConnectionError:
                await asyncio.sleep(0.01)
        assert len(peers) == 10


async def test_any_process_tells_of_all(bot: str):
    async with serving(bot, "--processes", "2", "--max-sessions", "7") as command:
        url = await command.url()
        peers = [await connect(url) for _ in range(4)]
        for peer in peers:
            await said_by(peer, "hello")
        http = url.replace("ws:", "http:")
        while (said := await health(http))["sessions"] != 4:  # they tell each other once a second
            await asyncio.sleep(0.02)
        assert (said["status"], said["max_sessions"]) == ("ok", 7)
        assert sorted(one["sessions"] for one in said["processes"].values()) == [2, 2]

        def sessions(text: str) -> dict[str, str]:
            return dict(re.findall(r'^pipecat_rs_sessions{process="(\d)"} (\d+)$', text, re.M))

        while sessions((await fetch(http + "metrics"))[2]) != {"0": "2", "1": "2"}:
            await asyncio.sleep(0.02)
        _, _, text = await fetch(http + "metrics")
        families = re.findall(r"^# TYPE (\S+)", text, re.M)
        assert len(families) == len(set(families))


async def test_sigterm_drains_all_processes(bot: str):
    async with serving(bot, "--processes", "2") as command:
        url = await command.url()
        peers = [await connect(url) for _ in range(2)]
        for peer in peers:
            await said_by(peer, "hello")
        command.signal()
        await command.until(r"(?s)draining: 1 sessions.*draining: 1 sessions")
        assert "no more" in await refusal(url)
        for peer in peers:
            assert (await said_by(peer, "still here")).endswith("still here")
            await hang_up(peer)
        assert await command.wait() == 0


async def test_a_second_signal_ends_all_processes_at_once(bot: str):
    async with serving(bot, "--processes", "2") as command:
        peers = [await connect(await command.url()) for _ in range(2)]
        pids = [int((await said_by(peer, "who?")).split()[0]) for peer in peers]
        command.signal(signal.SIGINT)
        await command.until(r"(?s)draining: 1 sessions.*draining: 1 sessions")
        command.signal(signal.SIGINT)
        assert await command.wait() == 128 + signal.SIGINT
        await until(lambda: not any(map(_runs, pids)), 10)


async def test_a_process_that_dies_takes_its_own_sessions_alone_and_is_replaced(bot: str):
    async with serving(bot, "--processes", "2", "--max-sessions", "4") as command:
        url = await command.url()
        first, second = await connect(url), await connect(url)
        victim = int((await said_by(first, "who?")).split()[0])
        os.kill(victim, signal.SIGKILL)
        await within(first.wait_closed())
        assert (await said_by(second, "still here")).endswith("still here")
        await command.until("another one is started")
        other = int((await said_by(second, "who?")).split()[0])
        seen: set[int] = set()
        peers = []
        while not seen - {victim, other}:
            try:
                peers.append(await connect(url))
                seen.add(int((await said_by(peers[-1], "who?")).split()[0]))
            except ConnectionError:  # the other one is full, and the new one not there yet
                await asyncio.sleep(0.05)
        assert second.is_open


async def test_processes_end_when_the_one_with_the_port_is_killed(bot: str):
    async with serving(bot, "--processes", "2") as command:
        peer = await connect(await command.url())
        pid = int((await said_by(peer, "who?")).split()[0])
        await hang_up(peer)
        command.signal(signal.SIGKILL)
        await command.wait()
        await until(lambda: not _runs(pid), 15)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# ---- python bot.py


async def test_a_bot_file_is_a_program(tmp_path: Path):
    file = tmp_path / "program.py"
    file.write_text(
        "import argparse\n"
        "async def bot(arguments):\n"
        "    await arguments.websocket.send(arguments.cli_args.greeting)\n"
        "if __name__ == '__main__':\n"
        "    from pipecat_rs.runner.run import main\n"
        "    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--greeting')\n"
        "    main(parser)\n"
    )
    options = ("--host", "127.0.0.1", "--port", "0", "--greeting", "hello")
    for processes in ("1", "2"):
        async with running(str(file), *options, "--processes", processes) as command:
            peer = await connect(await command.url())
            assert await within(peer.recv()) == "hello"
            await within(peer.wait_closed())
            command.signal(signal.SIGINT)
            assert await command.wait() == 0


async def test_hooks_beside_the_bot_are_used(tmp_path: Path):
    file = tmp_path / "hooked.py"
    file.write_text(
        "from pipecat_rs.runner.http import HttpResponse\n"
        "async def bot(arguments):\n"
        "    await arguments.websocket.send(arguments.body['name'])\n"
        "async def authorize(request):\n"
        "    return {'name': request.query_params['name']}\n"
        "async def http(request):\n"
        "    return HttpResponse('<Response/>', content_type='text/xml')\n"
    )
    async with serving(f"{file}:bot") as command:
        url = await command.url()
        peer = await connect(url + "?name=Ada")
        assert await within(peer.recv()) == "Ada"
        assert (await fetch(url.replace("ws:", "http:") + "twiml"))[2] == "<Response/>"
