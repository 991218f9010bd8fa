//! Stages that hold nothing back: channels, gain, limiting, fades.

use pipecat_rs_audio::{self as audio, Curve, Direction, Stage};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::buffer::{Audio, Held, give_samples, raised, run};

/// Gives a stream another number of channels.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct ChannelMapper(Held<audio::ChannelMapper>);

#[pymethods]
impl ChannelMapper {
    #[new]
    fn new(input_channels: usize, output_channels: usize) -> PyResult<Self> {
        let mapper = audio::ChannelMapper::new(input_channels, output_channels).map_err(raised)?;
        Ok(Self(Held::new(mapper)))
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

/// Multiplies samples, clamping at full scale.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct Gain(Held<audio::Gain>);

#[pymethods]
impl Gain {
    #[new]
    fn new(factor: f32) -> Self {
        Self(Held::new(audio::Gain::new(factor)))
    }

    #[staticmethod]
    fn from_db(db: f32) -> Self {
        Self(Held::new(audio::Gain::from_db(db)))
    }

    fn process(&self, py: Python<'_>, audio: Audio) -> PyResult<Py<PyAny>> {
        self.0.process(py, audio)
    }
}

/// Bends what is louder than a knee towards full scale.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct SoftLimiter(Held<audio::SoftLimiter>);

#[pymethods]
impl SoftLimiter {
    #[new]
    #[pyo3(signature = (knee = 0.75))]
    fn new(knee: f32) -> Self {
        Self(Held::new(audio::SoftLimiter::new(knee)))
    }

    fn process(&self, py: Python<'_>, audio: Audio) -> PyResult<Py<PyAny>> {
        self.0.process(py, audio)
    }
}

/// Fades the beginning of a stream in or out.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct Fade(Held<audio::Fade>);

#[pymethods]
impl Fade {
    #[new]
    #[pyo3(signature = (direction, length, *, curve = "equal_power", channels = 1))]
    fn new(direction: &str, length: u32, curve: &str, channels: usize) -> PyResult<Self> {
        let direction = match direction {
            "in" => Direction::In,
            "out" => Direction::Out,
            other => {
                let message = format!("a fade's direction is \"in\" or \"out\", not {other:?}");
                return Err(PyValueError::new_err(message));
            }
        };
        let curve = match curve {
            "linear" => Curve::Linear,
            "equal_power" => Curve::EqualPower,
            other => {
                let message = format!("a fade's curve is \"linear\" or \"equal_power\", not {other:?}");
                return Err(PyValueError::new_err(message));
            }
        };
        let fade = audio::Fade::new(direction, curve, length, channels).map_err(raised)?;
        Ok(Self(Held::new(fade)))
    }

    fn process(&self, py: Python<'_>, audio: Audio) -> PyResult<Py<PyAny>> {
        self.0.process(py, audio)
    }

    fn reset(&self) {
        self.0.reset();
    }

    #[getter]
    fn is_over(&self) -> bool {
        self.0.lock().is_over()
    }
}

/// Multiplies samples, clamping at full scale.
#[pyfunction]
pub(super) fn scale(py: Python<'_>, audio: Audio, factor: f32) -> PyResult<Py<PyAny>> {
    let Audio { samples, kind } = audio;
    let output = run(py, samples.len(), || {
        let mut output = Vec::with_capacity(samples.len());
        audio::Gain::new(factor).process(&samples, &mut output);
        output
    });
    give_samples(py, output, kind)
}
