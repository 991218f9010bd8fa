"""pipecat's own WebSocket transports at the other end of ours, each in a process of its own.

Both ends run one program, under either package, and what an end observes must not depend on which
package is at the other.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from parity.environment import HERE, ours_python, pipecat_python

pytestmark = pytest.mark.timeout(900)  # the environment is made on first use

PROGRAM = HERE / "peers" / "peer.py"

CALLS = {
    "their client, our single-client server": ("pipecat", "pipecat_rs", "single"),
    "their client, our FastAPI transport": ("pipecat", "pipecat_rs", "fastapi"),
    "their client, our session server": ("pipecat", "pipecat_rs", "many"),
    "our client, their single-client server": ("pipecat_rs", "pipecat", "single"),
    "our client, their FastAPI transport": ("pipecat_rs", "pipecat", "fastapi"),
    "both ours": ("pipecat_rs", "pipecat_rs", "single"),
}


def start(package: str, *arguments: str) -> subprocess.Popen[str]:
    python: Path | str = pipecat_python() if package == "pipecat" else ours_python()
    quiet = {"LOGURU_LEVEL": "CRITICAL", "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [python, PROGRAM, package, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **quiet},
    )


def observed(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a process prints in the end."""
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(out.splitlines()[-1])


@pytest.mark.parametrize("call", CALLS)
def test_a_conversation_with_the_other_package(call: str) -> None:
    client_package, server_package, role = CALLS[call]
    with ExitStack() as stack:
        server = stack.enter_context(start(server_package, role))
        stack.callback(server.kill)
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert url, "the server does not start"
        client = stack.enter_context(start(client_package, "client", url))
        stack.callback(client.kill)
        at_client, at_server = observed(client), observed(server)

    assert at_client == {
        "echo is what was said": True,
        "messages": [{"answer": "é漢"}],
        "stopped early": True,
        "nothing old after new": True,
        "interruptions": 1,
        "events": {"connected": 1, "disconnected": 1},
    }
    assert at_server["heard what was said"]
    assert at_server["told"] == [{"ask": "é漢"}, {"do": "speak"}, {"do": "stop"}, {"do": "go"}]
    assert at_server["events"]["connected"] == 1
    assert at_server["events"].get("disconnected", 0) <= 1
