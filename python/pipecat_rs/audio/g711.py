"""G.711, the code of telephony: 8-bit μ-law and A-law to and from 16-bit linear samples.

The codes are those of ITU-T G.711. Python's ``audioop``, and with it pipecat, codes negative
samples for μ-law otherwise, by a step at most; `pipecat_rs.audio.utils.pcm_to_ulaw` does as they.
"""

from pipecat_rs.audio.dsp import alaw_to_linear, linear_to_alaw, linear_to_ulaw, ulaw_to_linear

__all__ = ["alaw_to_linear", "linear_to_alaw", "linear_to_ulaw", "ulaw_to_linear"]
