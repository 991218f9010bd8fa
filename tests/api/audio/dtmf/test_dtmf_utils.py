"""The sound of a telephone's keys."""

import numpy as np
import pytest
from pipecat_rs.audio.dsp import DtmfDetector
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.audio.dtmf.utils import load_dtmf_audio


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
async def test_a_number_is_dialled_and_understood(rate: int):
    dialled = "1123456789*0#"
    audio = b"".join([await load_dtmf_audio(KeypadEntry(key), sample_rate=rate) for key in dialled])
    assert len(audio) == len(dialled) * rate  # half a second for each
    detector = DtmfDetector(rate)
    events = [
        event
        for at in range(0, len(audio), 640)
        for event in detector.process(audio[at : at + 640])
    ]
    assert "".join(event.key for event in events if event.is_pressed) == dialled
    begins = [event.at / rate for event in events if event.is_pressed]
    assert begins == pytest.approx(np.arange(len(dialled)) / 2, abs=0.008)


async def test_the_default_is_the_rate_of_telephony():
    assert len(await load_dtmf_audio(KeypadEntry.STAR)) == 8_000
