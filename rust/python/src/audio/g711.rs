use pipecat_rs_audio::g711;
use pyo3::prelude::*;

use super::buffer::{Audio, Codes, give_codes, give_samples, run};

/// µ-law audio as 16-bit samples.
#[pyfunction]
pub(super) fn ulaw_to_linear(py: Python<'_>, audio: Codes) -> PyResult<Py<PyAny>> {
    decode(py, audio, g711::ulaw_to_linear)
}

/// A-law audio as 16-bit samples.
#[pyfunction]
pub(super) fn alaw_to_linear(py: Python<'_>, audio: Codes) -> PyResult<Py<PyAny>> {
    decode(py, audio, g711::alaw_to_linear)
}

/// 16-bit samples as µ-law audio.
#[pyfunction]
#[pyo3(signature = (audio, *, as_audioop = false))]
pub(super) fn linear_to_ulaw(py: Python<'_>, audio: Audio, as_audioop: bool) -> Py<PyAny> {
    encode(py, audio, if as_audioop { g711::linear_to_ulaw_as_audioop } else { g711::linear_to_ulaw })
}

/// 16-bit samples as A-law audio.
#[pyfunction]
pub(super) fn linear_to_alaw(py: Python<'_>, audio: Audio) -> Py<PyAny> {
    encode(py, audio, g711::linear_to_alaw)
}

fn decode(py: Python<'_>, audio: Codes, decoder: fn(&[u8], &mut Vec<i16>)) -> PyResult<Py<PyAny>> {
    let Codes { codes, kind } = audio;
    let output = run(py, codes.len(), || {
        let mut output = Vec::with_capacity(codes.len());
        decoder(&codes, &mut output);
        output
    });
    give_samples(py, output, kind)
}

fn encode(py: Python<'_>, audio: Audio, encoder: fn(&[i16], &mut Vec<u8>)) -> Py<PyAny> {
    let Audio { samples, kind } = audio;
    let output = run(py, samples.len(), || {
        let mut output = Vec::with_capacity(samples.len());
        encoder(&samples, &mut output);
        output
    });
    give_codes(py, output, kind)
}
