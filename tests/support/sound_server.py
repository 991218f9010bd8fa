"""A sound server with a loudspeaker and a microphone that hears it: PulseAudio, behind ALSA."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_SECS = 10.0


@contextmanager
def sound_server(rate: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run one, which is the system's choice for this process; skip the test if there is none.

    Args:
        rate: Of both devices, in Hz.
    """
    program = shutil.which("pulseaudio")
    if program is None:
        pytest.skip("PulseAudio is not installed (Debian: pulseaudio)")
    if not list(Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pulse.so")):
        pytest.skip("ALSA does not know PulseAudio (Debian: libasound2-plugins)")
    with tempfile.TemporaryDirectory(prefix="pipecat-sound-") as folder:
        socket = Path(folder) / "native"
        config = Path(folder) / "asound.conf"
        config.write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
        settings = {
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "XDG_CONFIG_HOME": folder,
            "PULSE_RUNTIME_PATH": folder,
        }
        server = subprocess.Popen(
            [
                program,
                *("-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"),
                *("--disable-shm=yes", "--high-priority=no", "--realtime=no"),
                f"--load=module-null-sink sink_name=room rate={rate} channels=2",
                # The last one: who sees the socket finds the devices.
                f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1",
            ],
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        used = {"PULSE_SERVER": f"unix:{socket}", "ALSA_CONFIG_PATH": _configuration(config)}
        before = {name: os.environ.get(name) for name in used}
        os.environ.update(used)
        try:
            _wait_for(socket, server)
            yield server
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
            server.kill()
            server.communicate()


def _configuration(config: Path) -> str:
    return f"/usr/share/alsa/alsa.conf:{config}"


def _wait_for(socket: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECS
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            _, said = server.communicate()
            pytest.skip(f"PulseAudio does not run here: {said.decode(errors='replace')[-500:]}")
        time.sleep(0.01)
