"""What does it cost to convert, code, mix and measure 20 ms of audio?

Each is a call of the package's public function, awaited where it is a coroutine, on 20 ms of noise;
a volume is that of 400 ms. pipecat's run on soxr, audioop and numpy, ours in Rust. What pipecat
has nothing for (keys heard in audio), or only with a further package (noise suppression), is there
for ours alone.
"""

import random
import struct
import tempfile
import time
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from .api import Api
from .figure import Figure, Scale

RATES = ((16_000, 8_000), (8_000, 16_000), (24_000, 16_000), (24_000, 8_000), (44_100, 16_000))
CALLS = 250


async def measure(api: Api, scale: Scale) -> list[Figure]:
    """CPU time a call of each."""
    utils = api.module("audio.utils")
    figures = []
    for given, wanted in RATES:
        for quality in ("VHQ", "HQ"):
            stream = utils.create_stream_resampler(quality=quality, clear_after_secs=None)
            piece = noise(given // 50)
            name = f"dsp.resample.{given}.{wanted}.{quality}"
            figures.append(await cpu_us(name, scale, stream.resample, piece, given, wanted))

    same = utils.create_stream_resampler()
    telephone, music = noise(160), noise(480)
    ulaw = await utils.pcm_to_ulaw(telephone, 8_000, 8_000, same)
    alaw = await utils.pcm_to_alaw(telephone, 8_000, 8_000, same)
    for name, code, audio in (
        ("pcm_to_ulaw", utils.pcm_to_ulaw, telephone),
        ("ulaw_to_pcm", utils.ulaw_to_pcm, ulaw),
        ("pcm_to_alaw", utils.pcm_to_alaw, telephone),
        ("alaw_to_pcm", utils.alaw_to_pcm, alaw),
    ):
        figures.append(await cpu_us(f"dsp.{name}", scale, code, audio, 8_000, 8_000, same))

    for name, call, arguments in (
        ("mix_audio", utils.mix_audio, (music, music)),
        ("interleave", utils.interleave_stereo_audio, (music, music)),
        ("is_silence", utils.is_silence, (bytes(960),)),
        ("volume", utils.calculate_audio_volume, (noise(9_600), 24_000)),
    ):
        figures.append(await cpu_us(f"dsp.{name}", scale, call, *arguments))

    figures.append(await background(api, scale, music))
    if api.package == "pipecat_rs":
        figures += await ours_alone(api, scale)
    return figures


async def background(api: Api, scale: Scale, voice: bytes) -> Figure:
    """A voice with the sound of a file behind it, at the transport's rate and mono."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "office.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", ""))
            file.writeframes(noise(48_000))
        mixer = api.module("audio.mixers.soundfile_mixer").SoundfileMixer(
            sound_files={"office": str(path)}, default_sound="office"
        )
        await mixer.start(24_000)
        return await cpu_us("dsp.background", scale, mixer.mix, voice)


async def ours_alone(api: Api, scale: Scale) -> list[Figure]:
    """What pipecat has no counterpart for."""
    dsp = api.module("audio.dsp")
    telephone, wide = noise(160), noise(320)
    canceller = dsp.EchoCanceller(16_000)

    def cancel(piece: bytes) -> bytes:
        canceller.render(piece)
        return canceller.process(piece)

    return [
        await cpu_us("dsp.dtmf", scale, dsp.DtmfDetector(8_000).process, telephone),
        await cpu_us("dsp.denoise", scale, dsp.Denoiser(16_000).process, wide),
        await cpu_us("dsp.echo", scale, cancel, wide),
    ]


async def cpu_us(
    name: str, scale: Scale, call: Callable[..., Any | Awaitable[Any]], *arguments: Any
) -> Figure:
    """The CPU time of a call: the least mean of all batches.

    Args:
        name: The figure's.
        scale: How long to go on.
        call: A function, or one that makes a coroutine.
        *arguments: What it is given each time.
    """
    made = call(*arguments)
    is_async = hasattr(made, "__await__")
    if is_async:
        await made
    least, spent, batches = float("inf"), 0, -1
    while batches < scale.least_batches or spent < scale.batch_secs / 4 * 1e9:
        begin = time.process_time_ns()
        if is_async:
            for _ in range(CALLS):
                await call(*arguments)
        else:
            for _ in range(CALLS):
                call(*arguments)
        took = time.process_time_ns() - begin
        if batches >= 0:
            spent += took
            least = min(least, took / CALLS / 1000)
        batches += 1
    return Figure(name, "us", least)


def noise(samples: int) -> bytes:
    """Noise at a quarter of full scale, the same each time."""
    generator = random.Random(1)
    values = (generator.randint(-8_000, 8_000) for _ in range(samples))
    return struct.pack(f"{samples}h", *values)
