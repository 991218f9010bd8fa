"""Signal processing of 16-bit audio, in Rust.

Audio is PCM of 16 bits in the machine's order (little-endian wherever this runs), mono or
interleaved stereo. It goes in as ``bytes``, ``bytearray`` or ``memoryview``, or as a numpy array of
int16 in any shape whose samples follow each other; what comes out is ``bytes`` for the former and
an array of one dimension for the latter. Half a sample at the end of bytes raises ValueError,
other items than samples TypeError. numpy is needed only by those who use arrays.

A stream may be cut in any way: the same samples give the same output. Methods that end a stream
(`flush`) return bytes. Objects may be used on any thread, by one stream at a time; pieces of more
than 512 samples are worked on without the interpreter lock.

============================================  =====================================================
class                                         delay of a stream
============================================  =====================================================
`Resampler`                                   `Resampler.latency` input frames: half the filter, 96
                                              samples of the lower rate (12 ms if that is 8 kHz,
                                              6 ms if it is 16 kHz)
`ChannelMapper` `Gain` `SoftLimiter` `Fade`   none
`Mixer` `BackgroundSound`                     none
`Denoiser`                                    20 ms, and at other rates than 48 kHz two resamplers
`EchoCanceller`                               none beyond whole frames of 10 ms
`Chunker`                                     none beyond whole chunks
============================================  =====================================================

`LevelMeter` (dB of full scale), `LoudnessMeter` and `VolumeTracker` (BS.1770), `SilenceDetector`
and `DtmfDetector` listen. `WavRecorder` writes files; `pipecat_rs.audio.recording` writes
Ogg/Opus, too.
"""

from pipecat_rs._core import (
    BackgroundSound,
    ChannelMapper,
    Chunker,
    Denoiser,
    DtmfDetector,
    DtmfEvent,
    EchoCanceller,
    Fade,
    Gain,
    LevelMeter,
    LoudnessMeter,
    Mixer,
    Resampler,
    SilenceDetector,
    SoftLimiter,
    Sound,
    VolumeTracker,
    WavRecorder,
    alaw_to_linear,
    deinterleave,
    dtmf_tone,
    find_onset,
    interleave,
    is_silence,
    linear_to_alaw,
    linear_to_ulaw,
    mix,
    scale,
    ulaw_to_linear,
)

__all__ = [
    "BackgroundSound",
    "ChannelMapper",
    "Chunker",
    "Denoiser",
    "DtmfDetector",
    "DtmfEvent",
    "EchoCanceller",
    "Fade",
    "Gain",
    "LevelMeter",
    "LoudnessMeter",
    "Mixer",
    "Resampler",
    "SilenceDetector",
    "SoftLimiter",
    "Sound",
    "VolumeTracker",
    "WavRecorder",
    "alaw_to_linear",
    "deinterleave",
    "dtmf_tone",
    "find_onset",
    "interleave",
    "is_silence",
    "linear_to_alaw",
    "linear_to_ulaw",
    "mix",
    "scale",
    "ulaw_to_linear",
]
