//! Audio between Python's buffers and slices of samples, and the one place that gives up the lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use numpy::PyArray1;
use pipecat_rs_audio::{AudioError, Stage};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};

/// From so many samples on, work is done without the interpreter lock: to give it up and take it
/// again costs as much as a table look-up of some hundred samples, if nobody else wants it.
const RELEASE_FROM: usize = 512;

/// How audio came, and what is to come back: bytes for bytes, an array for an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bytes,
    Array,
}

/// 16-bit samples that were given as an argument.
pub(super) struct Audio {
    pub(super) samples: Vec<i16>,
    pub(super) kind: Kind,
}

/// Bytes that were given as an argument: of a telephone code, one for each sample.
pub(super) struct Codes {
    pub(super) codes: Vec<u8>,
    pub(super) kind: Kind,
}

impl<'py> FromPyObject<'_, 'py> for Audio {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self { samples: to_samples(bytes.as_bytes())?, kind: Kind::Bytes });
        }
        if let Ok(bytes) = object.cast::<PyByteArray>() {
            return Ok(Self { samples: to_samples(&bytes.to_vec())?, kind: Kind::Bytes });
        }
        let buffer = buffer_of(&object, "16-bit samples")?;
        let kind = kind_of(&object)?;
        if let Ok(samples) = buffer.as_typed::<i16>() {
            return Ok(Self { samples: samples.to_vec(object.py())?, kind });
        }
        match buffer.as_typed::<u8>() {
            Ok(bytes) if kind == Kind::Bytes => {
                Ok(Self { samples: to_samples(&bytes.to_vec(object.py())?)?, kind })
            }
            _ => Err(wrong_items(&buffer, "int16")),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Codes {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self { codes: bytes.as_bytes().to_vec(), kind: Kind::Bytes });
        }
        let buffer = buffer_of(&object, "a telephone code")?;
        match buffer.as_typed::<u8>() {
            Ok(codes) => Ok(Self { codes: codes.to_vec(object.py())?, kind: kind_of(&object)? }),
            Err(_) => Err(wrong_items(&buffer, "uint8")),
        }
    }
}

fn buffer_of(object: &Bound<'_, PyAny>, what: &str) -> PyResult<PyUntypedBuffer> {
    PyUntypedBuffer::get(object).map_err(|_| {
        let name = object.get_type().name().map_or_else(|_| "that".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("audio must be bytes or an array of {what}, not {name}"))
    })
}

fn wrong_items(buffer: &PyUntypedBuffer, wanted: &str) -> PyErr {
    let format = buffer.format().to_string_lossy();
    PyTypeError::new_err(format!("an array of audio must have items of {wanted}, not of format {format:?}"))
}

/// Looks at the type's name, as asking numpy itself would import it.
fn kind_of(object: &Bound<'_, PyAny>) -> PyResult<Kind> {
    let array = object.get_type().name()?.to_string_lossy() == "ndarray";
    Ok(if array { Kind::Array } else { Kind::Bytes })
}

fn to_samples(bytes: &[u8]) -> PyResult<Vec<i16>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        let message = format!("audio must hold whole 16-bit samples; {} bytes do not", bytes.len());
        return Err(PyValueError::new_err(message));
    }
    Ok(pairs.iter().map(|&pair| i16::from_le_bytes(pair)).collect())
}

/// Samples as a Python object of the kind wanted.
pub(super) fn give_samples(py: Python<'_>, samples: Vec<i16>, kind: Kind) -> PyResult<Py<PyAny>> {
    match kind {
        Kind::Bytes => Ok(sample_bytes(py, &samples)?.into_any().unbind()),
        Kind::Array => Ok(PyArray1::from_vec(py, samples).into_any().unbind()),
    }
}

/// Samples as bytes.
pub(super) fn sample_bytes<'py>(py: Python<'py>, samples: &[i16]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, 2 * samples.len(), |bytes| {
        for (pair, sample) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
            *pair = sample.to_le_bytes();
        }
        Ok(())
    })
}

/// Bytes of a telephone code as a Python object of the kind wanted.
pub(super) fn give_codes(py: Python<'_>, codes: Vec<u8>, kind: Kind) -> Py<PyAny> {
    match kind {
        Kind::Bytes => PyBytes::new(py, &codes).into_any().unbind(),
        Kind::Array => PyArray1::from_vec(py, codes).into_any().unbind(),
    }
}

/// Runs work on so many samples, without the interpreter lock if that is worth it.
pub(super) fn run<T: Send>(py: Python<'_>, samples: usize, work: impl FnOnce() -> T + Send) -> T {
    if samples < RELEASE_FROM { work() } else { py.detach(work) }
}

/// Something of the audio crate behind a Python object.
pub(super) struct Held<S>(Mutex<S>);

impl<S: Send> Held<S> {
    pub(super) fn new(stage: S) -> Self {
        Self(Mutex::new(stage))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something long, in terms of `samples`, to it.
    pub(super) fn with<T: Send>(
        &self,
        py: Python<'_>,
        samples: usize,
        work: impl FnOnce(&mut S) -> T + Send,
    ) -> T {
        run(py, samples, || work(&mut self.lock()))
    }
}

impl<S: Stage + Send> Held<S> {
    pub(super) fn process(&self, py: Python<'_>, audio: Audio) -> PyResult<Py<PyAny>> {
        let Audio { samples, kind } = audio;
        let output = self.with(py, samples.len(), |stage| {
            let mut output = Vec::with_capacity(samples.len());
            stage.process(&samples, &mut output);
            output
        });
        give_samples(py, output, kind)
    }

    pub(super) fn flush<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let output = self.with(py, RELEASE_FROM, |stage| {
            let mut output = Vec::new();
            stage.flush(&mut output);
            output
        });
        sample_bytes(py, &output)
    }

    pub(super) fn reset(&self) {
        self.lock().reset();
    }
}

/// An error of the audio crate as Python knows such errors.
pub(super) fn raised(error: AudioError) -> PyErr {
    let message = error.to_string();
    match error {
        AudioError::Wav(_) => PyOSError::new_err(message),
        #[cfg(feature = "opus")]
        AudioError::Ogg(_) | AudioError::Opus(_) => PyOSError::new_err(message),
        _ => PyValueError::new_err(message),
    }
}
