//! Audio at the pace of a microphone, and a meter of how regularly it arrives.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pipecat_engine as engine;
use pipecat_rs_transport::{ArrivalMeter, Arrivals, Lateness, PacedSource, runtime};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::lateness::summary;
use crate::host::Asyncio;
use crate::host::frame::{NativeBody, class_named, native};

/// Audio at the pace of a microphone, from a worker thread.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct PacedAudio {
    samples: Bytes,
    sample_rate: u32,
    channels: u32,
    chunk: Duration,
    chunk_bytes: usize,
    repeats: bool,
    lateness: std::sync::Mutex<Option<Arc<Lateness>>>,
}

#[pymethods]
impl PacedAudio {
    #[new]
    fn new(samples: &[u8], sample_rate: u32, channels: u32, chunk_ms: u32, repeats: bool) -> PyResult<Self> {
        let frame_bytes = 2 * channels as usize;
        let chunk_bytes = (u64::from(sample_rate) * u64::from(chunk_ms) / 1000) as usize * frame_bytes;
        if chunk_bytes == 0 {
            return Err(PyValueError::new_err("sample_rate, num_channels and chunk_ms must be positive"));
        }
        if samples.is_empty() || !samples.len().is_multiple_of(frame_bytes) {
            return Err(PyValueError::new_err(format!(
                "audio must hold whole 16-bit samples of {channels} channel(s); {} bytes do not",
                samples.len()
            )));
        }
        Ok(Self {
            samples: Bytes::copy_from_slice(samples),
            sample_rate,
            channels,
            chunk: Duration::from_millis(u64::from(chunk_ms)),
            chunk_bytes,
            repeats,
            lateness: std::sync::Mutex::new(None),
        })
    }

    /// How late its chunks set out: count, p50, p99 and max in ms.
    fn lateness<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let lateness = self.lateness.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        summary(py, lateness.as_deref())
    }
}

impl PacedAudio {
    /// A worker for one run.
    pub(crate) fn worker(&self, py: Python<'_>) -> PyResult<Box<dyn engine::Worker<Asyncio>>> {
        let (sample_rate, channels) = (self.sample_rate, self.channels);
        let samples = self.samples.clone();
        let class = class_named(py, "InputAudioRawFrame")?;
        let make = move |from, to| {
            let body = NativeBody::InputAudio { samples: samples.slice(from..to), sample_rate, channels };
            native(class, engine::Direction::Downstream, body)
        };
        let source = PacedSource::new(
            runtime().handle().clone(),
            self.samples.len(),
            self.chunk_bytes,
            self.chunk,
            self.repeats,
            Arc::new(make),
        );
        *self.lateness.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(source.lateness());
        Ok(Box::new(source))
    }
}

/// Measures how regularly audio arrives at its place.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct AudioArrivals {
    chunk: Duration,
    arrivals: Arc<Arrivals>,
}

#[pymethods]
impl AudioArrivals {
    #[new]
    fn new(chunk_ms: u32) -> Self {
        Self { chunk: Duration::from_millis(u64::from(chunk_ms)), arrivals: Arc::default() }
    }

    /// How late frames were by the schedule of the first: count, p50, p99 and max in ms.
    fn lateness<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        summary(py, Some(&self.arrivals.lateness))
    }
}

impl AudioArrivals {
    /// A processor for one run.
    pub(crate) fn processor(&self, py: Python<'_>) -> PyResult<Box<dyn engine::Inline<Asyncio>>> {
        let class = class_named(py, "InputAudioRawFrame")?;
        Ok(Box::new(ArrivalMeter::new(class.id, self.chunk, Arc::clone(&self.arrivals))))
    }
}
