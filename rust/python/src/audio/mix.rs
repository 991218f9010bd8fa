//! Several streams in one: their sum, or side by side.

use pipecat_rs_audio::{self as audio, SoftLimiter, channels};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::buffer::{Audio, Held, give_samples, run, sample_bytes};

/// Adds streams up whose pieces come at different times and in different lengths.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct Mixer {
    mixer: Held<audio::Mixer>,
    #[pyo3(get)]
    streams: usize,
}

#[pymethods]
impl Mixer {
    #[new]
    #[pyo3(signature = (streams, *, knee = 0.75))]
    fn new(streams: usize, knee: f32) -> Self {
        let mixer = audio::Mixer::with_limiter(streams, SoftLimiter::new(knee));
        Self { mixer: Held::new(mixer), streams }
    }

    #[pyo3(signature = (stream, audio, gain = 1.0))]
    fn push(&self, py: Python<'_>, stream: usize, audio: Audio, gain: f32) -> PyResult<()> {
        if stream >= self.streams {
            let message = format!("there is no stream {stream}: the mixer has {}", self.streams);
            return Err(PyIndexError::new_err(message));
        }
        let Audio { samples, .. } = audio;
        self.mixer.with(py, samples.len(), |mixer| mixer.push(stream, &samples, gain));
        Ok(())
    }

    #[getter]
    fn ready(&self) -> usize {
        self.mixer.lock().ready()
    }

    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.out(py, audio::Mixer::take)
    }

    fn drain<'py>(&self, py: Python<'py>, samples: usize) -> PyResult<Bound<'py, PyBytes>> {
        self.out(py, |mixer, output| mixer.drain(samples, output))
    }

    fn flush<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.out(py, audio::Mixer::flush)
    }

    fn reset(&self) {
        self.mixer.lock().reset();
    }
}

impl Mixer {
    fn out<'py>(
        &self,
        py: Python<'py>,
        work: impl FnOnce(&mut audio::Mixer, &mut Vec<i16>) + Send,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let output = py.detach(|| {
            let mut output = Vec::new();
            work(&mut self.mixer.lock(), &mut output);
            output
        });
        sample_bytes(py, &output)
    }
}

/// The sum of two pieces, clamped; the shorter one is followed by silence.
#[pyfunction]
pub(super) fn mix(py: Python<'_>, first: Audio, second: Audio) -> PyResult<Py<PyAny>> {
    let (one, two) = (first.samples, second.samples);
    let output = run(py, one.len().max(two.len()), || {
        let mut output = Vec::with_capacity(one.len().max(two.len()));
        audio::mix_clamped(&one, &two, &mut output);
        output
    });
    give_samples(py, output, first.kind)
}

/// Two mono pieces as stereo, as long as the shorter one.
#[pyfunction]
pub(super) fn interleave(py: Python<'_>, left: Audio, right: Audio) -> PyResult<Py<PyAny>> {
    let (one, two) = (left.samples, right.samples);
    let output = run(py, one.len(), || {
        let mut output = Vec::with_capacity(2 * one.len().min(two.len()));
        channels::interleave(&one, &two, &mut output);
        output
    });
    give_samples(py, output, left.kind)
}

/// The sides of stereo, in mono.
#[pyfunction]
pub(super) fn deinterleave(py: Python<'_>, stereo: Audio) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
    let Audio { samples, kind } = stereo;
    let (left, right) = run(py, samples.len(), || {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        channels::deinterleave(&samples, &mut left, &mut right);
        (left, right)
    });
    Ok((give_samples(py, left, kind)?, give_samples(py, right, kind)?))
}
