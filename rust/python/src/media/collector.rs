//! A sink that keeps what was played until somebody comes for it: a recording's source.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use pipecat_rs_transport::{Refusal, Sink};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

#[derive(Default)]
struct Kept {
    chunks: Vec<(Instant, Bytes)>,
    /// When a chunk that is not silence was last played.
    heard_at: Option<Instant>,
}

#[derive(Default)]
pub(crate) struct Collected(Mutex<Kept>);

impl Sink for Collected {
    fn try_write(&self, chunk: Bytes) -> Result<(), Refusal> {
        let now = Instant::now();
        let audible = !pipecat_rs_audio::is_silence(&samples_of(&chunk));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if audible {
            kept.heard_at = Some(now);
        }
        kept.chunks.push((now, chunk));
        Ok(())
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn interrupt(&self) {}
}

fn samples_of(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Takes played audio, and keeps it until it is taken away.
#[pyclass(frozen, module = "pipecat_rs._core")]
#[derive(Default)]
pub(crate) struct AudioCollector(Arc<Collected>);

impl AudioCollector {
    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.0) as Arc<dyn Sink>
    }
}

#[pymethods]
impl AudioCollector {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// What was played since the last time: for each chunk how many seconds ago, and its samples.
    fn take<'py>(&self, py: Python<'py>) -> Vec<(f64, Bound<'py, PyBytes>)> {
        let chunks = std::mem::take(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner).chunks);
        let ago = |then: Instant| then.elapsed().as_secs_f64();
        chunks.into_iter().map(|(then, chunk)| (ago(then), PyBytes::new(py, &chunk))).collect()
    }

    /// How many seconds ago something audible was played. None: never.
    #[getter]
    fn silent_for_secs(&self) -> Option<f64> {
        let kept = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.heard_at.map(|then| then.elapsed().as_secs_f64())
    }
}
