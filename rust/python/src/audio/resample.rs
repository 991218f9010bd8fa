use pipecat_rs_audio::{self as audio, Stage};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::buffer::{Audio, Held, give_samples, raised};

/// Converts a stream from one sample rate to another.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct Resampler {
    stage: Held<audio::Resampler>,
    #[pyo3(get)]
    input_rate: u32,
    #[pyo3(get)]
    output_rate: u32,
    #[pyo3(get)]
    channels: usize,
    #[pyo3(get)]
    latency: usize,
}

#[pymethods]
impl Resampler {
    #[new]
    #[pyo3(signature = (input_rate, output_rate, channels = 1))]
    fn new(py: Python<'_>, input_rate: u32, output_rate: u32, channels: usize) -> PyResult<Self> {
        let stage = py.detach(|| audio::Resampler::new(input_rate, output_rate, channels)).map_err(raised)?;
        let latency = stage.latency();
        Ok(Self { stage: Held::new(stage), input_rate, output_rate, channels, latency })
    }

    fn process(&self, py: Python<'_>, audio: Audio) -> PyResult<Py<PyAny>> {
        self.stage.process(py, audio)
    }

    fn flush<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.stage.flush(py)
    }

    fn reset(&self) {
        self.stage.reset();
    }

    /// A whole piece by itself, in one go: nobody else's audio comes between.
    fn convert(&self, py: Python<'_>, audio: Audio) -> PyResult<Py<PyAny>> {
        let Audio { samples, kind } = audio;
        let output = self.stage.with(py, samples.len(), |stage| {
            let mut output = Vec::new();
            stage.reset();
            stage.process(&samples, &mut output);
            stage.flush(&mut output);
            output
        });
        give_samples(py, output, kind)
    }
}
