use pipecat_rs_audio as audio;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::buffer::{Codes, Held};

/// Cuts a stream of bytes into chunks of one size.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct Chunker(Held<audio::Chunker<u8>>);

type Chunk<'py> = (Bound<'py, PyBytes>, bool);

#[pymethods]
impl Chunker {
    #[new]
    fn new(size: isize) -> PyResult<Self> {
        let chunker = usize::try_from(size).ok().and_then(|size| audio::Chunker::new(size).ok());
        let refused = || PyValueError::new_err(format!("a chunk must hold at least one byte, not {size}"));
        Ok(Self(Held::new(chunker.ok_or_else(refused)?)))
    }

    fn __len__(&self) -> usize {
        self.0.lock().held()
    }

    #[pyo3(signature = (audio, *, interruptible = true))]
    fn push<'py>(&self, py: Python<'py>, audio: Codes, interruptible: bool) -> Vec<Chunk<'py>> {
        let mut chunker = self.0.lock();
        chunker.push(&audio.codes, interruptible);
        let (mut bytes, mut chunks) = (audio.codes, Vec::new());
        bytes.clear();
        while let Some(interruptible) = chunker.take(&mut bytes) {
            chunks.push((PyBytes::new(py, &bytes), interruptible));
            bytes.clear();
        }
        chunks
    }

    fn flush<'py>(&self, py: Python<'py>) -> Option<Chunk<'py>> {
        let mut bytes = Vec::new();
        let interruptible = self.0.lock().flush(&mut bytes)?;
        Some((PyBytes::new(py, &bytes), interruptible))
    }

    fn drop_interruptible(&self) {
        self.0.lock().drop_interruptible();
    }

    fn clear(&self) {
        self.0.lock().reset();
    }
}
