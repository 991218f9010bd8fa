//! What takes noise and echo out of speech.

use pipecat_rs_audio as audio;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::buffer::{Audio, Held, raised};

/// Takes noise out of mono speech.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct Denoiser(Held<audio::Denoiser>);

#[pymethods]
impl Denoiser {
    #[new]
    fn new(py: Python<'_>, sample_rate: u32) -> PyResult<Self> {
        let denoiser = py.detach(|| audio::Denoiser::new(sample_rate)).map_err(raised)?;
        Ok(Self(Held::new(denoiser)))
    }

    fn process(&self, py: Python<'_>, audio: Audio) -> PyResult<Py<PyAny>> {
        self.0.process(py, audio)
    }

    fn flush<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.0.flush(py)
    }

    fn reset(&self) {
        self.0.reset();
    }

    #[getter]
    fn speech_probability(&self) -> f32 {
        self.0.lock().speech_probability()
    }
}

/// Takes what the loudspeaker plays out of what the microphone hears.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct EchoCanceller(Held<audio::EchoCanceller>);

#[pymethods]
impl EchoCanceller {
    #[new]
    fn new(py: Python<'_>, sample_rate: u32) -> PyResult<Self> {
        let canceller = py.detach(|| audio::EchoCanceller::new(sample_rate)).map_err(raised)?;
        Ok(Self(Held::new(canceller)))
    }

    fn render(&self, py: Python<'_>, audio: Audio) {
        let Audio { samples, .. } = audio;
        self.0.with(py, samples.len(), |canceller| canceller.render(&samples));
    }

    fn process(&self, py: Python<'_>, audio: Audio) -> PyResult<Py<PyAny>> {
        self.0.process(py, audio)
    }

    fn flush<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.0.flush(py)
    }

    fn reset(&self) {
        self.0.reset();
    }
}
