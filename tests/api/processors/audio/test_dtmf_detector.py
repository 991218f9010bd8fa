"""Keys heard in the user's audio."""

import numpy as np
import pytest
from pipecat_rs.audio.dsp import dtmf_tone
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.audio.dtmf.utils import load_dtmf_audio
from pipecat_rs.frames.frames import InputAudioRawFrame, InputDTMFFrame
from pipecat_rs.processors.audio.dtmf_detector import DTMFDetector
from pipecat_rs.testing import run_test


@pytest.mark.parametrize("channels", [1, 2])
async def test_each_press_is_reported_once_behind_its_audio(channels: int):
    rate = 8_000
    audio = b"".join([await load_dtmf_audio(KeypadEntry(key), sample_rate=rate) for key in "5#5"])
    audio = np.repeat(np.frombuffer(audio, np.int16), channels).tobytes()
    step = 320 * channels
    frames = [
        InputAudioRawFrame(audio[at : at + step], rate, channels)
        for at in range(0, len(audio), step)
    ]

    passed, _ = await run_test(DTMFDetector(), frames_to_send=frames)

    keys = [frame.button for frame in passed if isinstance(frame, InputDTMFFrame)]
    assert keys == [KeypadEntry.FIVE, KeypadEntry.POUND, KeypadEntry.FIVE]
    assert [frame for frame in passed if isinstance(frame, InputAudioRawFrame)] == frames


async def test_speech_rates_and_keys_that_no_phone_has():
    a_key = dtmf_tone("A", 16_000, 3_200)
    hum = (3_000 * np.sin(np.arange(8_000) * 0.3)).astype(np.int16).tobytes()
    frames = [
        InputAudioRawFrame(hum, 8_000, 1),
        InputAudioRawFrame(a_key, 16_000, 1),
        InputAudioRawFrame(b"", 16_000, 1),
        InputAudioRawFrame(dtmf_tone("7", 24_000, 4_800), 24_000, 1),
    ]

    passed, _ = await run_test(DTMFDetector(), frames_to_send=frames)

    assert [frame.button for frame in passed if isinstance(frame, InputDTMFFrame)] == [
        KeypadEntry.SEVEN
    ]
