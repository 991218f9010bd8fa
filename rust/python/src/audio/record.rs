//! Recordings in files. Writing may block: nothing here holds the interpreter lock while it does.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use pipecat_rs_audio as audio;
use pipecat_rs_audio::AudioError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::buffer::{Audio, Held, raised};

/// Writes a stream into a WAV file.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct WavRecorder(Held<Option<audio::WavRecorder<BufWriter<File>>>>);

#[pymethods]
impl WavRecorder {
    #[new]
    #[pyo3(signature = (path, sample_rate, channels = 1))]
    fn new(py: Python<'_>, path: PathBuf, sample_rate: u32, channels: usize) -> PyResult<Self> {
        let recorder = py.detach(|| {
            let file = BufWriter::new(File::create(path)?);
            audio::WavRecorder::new(file, sample_rate, channels).map_err(raised)
        })?;
        Ok(Self(Held::new(Some(recorder))))
    }

    fn process(&self, py: Python<'_>, audio: Audio) -> PyResult<()> {
        self.write(py, |recorder| recorder.process(&audio.samples))
    }

    #[getter]
    fn frames(&self) -> u32 {
        self.0.lock().as_ref().map_or(0, audio::WavRecorder::frames)
    }

    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        self.write(py, audio::WavRecorder::sync)
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.lock().take().map_or(Ok(()), audio::WavRecorder::finish)).map_err(raised)
    }
}

impl WavRecorder {
    fn write(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut audio::WavRecorder<BufWriter<File>>) -> Result<(), AudioError> + Send,
    ) -> PyResult<()> {
        py.detach(|| self.0.lock().as_mut().map(work)).ok_or_else(finished)?.map_err(raised)
    }
}

fn finished() -> PyErr {
    PyValueError::new_err("the recording is finished: make another recorder to go on")
}

/// Encodes a stream with Opus and writes it into an Ogg file.
#[cfg(feature = "opus")]
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct OggOpusRecorder(Held<Option<audio::OggOpusRecorder<BufWriter<File>>>>);

#[cfg(feature = "opus")]
#[pymethods]
impl OggOpusRecorder {
    #[new]
    #[pyo3(signature = (path, sample_rate, channels = 1, *, serial = 1))]
    fn new(py: Python<'_>, path: PathBuf, sample_rate: u32, channels: usize, serial: u32) -> PyResult<Self> {
        let recorder = py.detach(|| {
            let file = BufWriter::new(File::create(path)?);
            audio::OggOpusRecorder::new(file, sample_rate, channels, serial).map_err(raised)
        })?;
        Ok(Self(Held::new(Some(recorder))))
    }

    fn process(&self, py: Python<'_>, audio: Audio) -> PyResult<()> {
        let write = || self.0.lock().as_mut().map(|recorder| recorder.process(&audio.samples));
        py.detach(write).ok_or_else(finished)?.map_err(raised)
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.lock().take().map_or(Ok(()), audio::OggOpusRecorder::finish)).map_err(raised)
    }
}
