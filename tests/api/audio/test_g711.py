"""G.711 beside the code that pipecat uses."""

import sys
import warnings

import numpy as np
import pytest
from pipecat_rs.audio import dsp

EVERY_SAMPLE = np.arange(-32768, 32768, dtype=np.int16)
EVERY_CODE = bytes(range(256))


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python 3.13 has no audioop")
def test_every_sample_and_every_code_is_that_of_audioop():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop  # pyright: ignore[reportMissingImports]

    audio = EVERY_SAMPLE.tobytes()
    assert dsp.linear_to_ulaw(audio, as_audioop=True) == audioop.lin2ulaw(audio, 2)
    assert dsp.linear_to_alaw(audio) == audioop.lin2alaw(audio, 2)
    assert dsp.ulaw_to_linear(EVERY_CODE) == audioop.ulaw2lin(EVERY_CODE, 2)
    assert dsp.alaw_to_linear(EVERY_CODE) == audioop.alaw2lin(EVERY_CODE, 2)


def test_the_two_ways_to_round_differ_by_a_step_of_the_code_at_most():
    itu = dsp.ulaw_to_linear(dsp.linear_to_ulaw(EVERY_SAMPLE))
    audioop = dsp.ulaw_to_linear(dsp.linear_to_ulaw(EVERY_SAMPLE, as_audioop=True))
    differing = np.flatnonzero(itu != audioop)
    assert differing.size > 0 and (EVERY_SAMPLE[differing] < 0).all()
    assert (np.abs(itu.astype(int) - audioop) <= np.abs(EVERY_SAMPLE.astype(int)) // 8 + 8).all()


def test_arrays_give_arrays():
    codes = dsp.linear_to_alaw(EVERY_SAMPLE)
    assert codes.dtype == np.uint8
    assert dsp.alaw_to_linear(codes).dtype == np.int16
    with pytest.raises(TypeError, match="uint8"):
        dsp.ulaw_to_linear(EVERY_SAMPLE)  # type: ignore[call-overload]
