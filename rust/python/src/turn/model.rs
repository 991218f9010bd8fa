//! The smart-turn network, and a stream's way to it.
//!
//! The network's threads never take the GIL: an answer is laid down and its bell rung, which the
//! loop watches.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use pipecat_engine::Bell;
use pipecat_rs_inference::Runtime;
use pipecat_rs_inference::smart_turn::{Judgement, SmartTurn, Stream, TurnError};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::segment::SpeechSegment;
use crate::host::inbox::EventBell;

/// The smart-turn network: weights that all streams of the process share.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct SmartTurnModel(Arc<SmartTurn>);

#[pymethods]
impl SmartTurnModel {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, runtime: PathBuf, threads: usize) -> PyResult<Self> {
        let opened = py.detach(|| -> Result<_, TurnError> {
            SmartTurn::open(&Runtime::open(&runtime)?, &path, threads.max(1))
        });
        opened.map(Self).map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    /// A new stream's way to the network.
    fn stream(&self) -> SmartTurnStream {
        SmartTurnStream(self.0.stream())
    }

    /// Streams that wait for an answer.
    #[getter]
    fn waiting(&self) -> usize {
        self.0.waiting()
    }
}

/// A stream's way to the network.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct SmartTurnStream(Stream);

#[pymethods]
impl SmartTurnStream {
    /// Ask for a judgement of mono audio. What was asked before is given up.
    fn judge(&self, audio: &[u8], sample_rate: u32) -> PyResult<TurnAnswer> {
        self.ask(samples(audio)?, sample_rate)
    }

    /// Ask for a judgement of a segment as it is now. What was asked before is given up.
    fn judge_segment(&self, py: Python<'_>, segment: &SpeechSegment) -> PyResult<TurnAnswer> {
        let (audio, rate) = segment.to_judge(py)?;
        self.ask(audio, rate)
    }

    /// Give up what was asked.
    fn cancel(&self) {
        self.0.cancel();
    }
}

impl SmartTurnStream {
    fn ask(&self, audio: Vec<i16>, sample_rate: u32) -> PyResult<TurnAnswer> {
        let bell = EventBell::new().map_err(|error| PyOSError::new_err(error.to_string()))?;
        let answer = TurnAnswer { bell: Arc::new(bell), result: Arc::default() };
        let (bell, result) = (Arc::clone(&answer.bell), Arc::clone(&answer.result));
        let lay_down = move |judgement| {
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(judgement);
            bell.ring();
        };
        self.0.judge(audio, sample_rate, Box::new(lay_down));
        Ok(answer)
    }
}

/// An answer that will be there when its descriptor can be read.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct TurnAnswer {
    bell: Arc<EventBell>,
    result: Arc<Mutex<Option<Result<Judgement, TurnError>>>>,
}

#[pymethods]
impl TurnAnswer {
    fn fileno(&self) -> PyResult<i32> {
        self.bell.number().ok_or_else(|| PyValueError::new_err("the answer is closed"))
    }

    /// The probability, whether the turn is over, and the time it took in ms. None if the stream
    /// has asked anew, or the answer is not there.
    fn result(&self) -> PyResult<Option<(f32, bool, f64)>> {
        match &*self.result.lock().unwrap_or_else(PoisonError::into_inner) {
            None | Some(Err(TurnError::Superseded)) => Ok(None),
            Some(Err(error)) => Err(PyRuntimeError::new_err(error.to_string())),
            Some(Ok(judgement)) => Ok(Some((
                judgement.probability,
                judgement.is_complete(),
                judgement.took.as_secs_f64() * 1000.0,
            ))),
        }
    }

    fn close(&self) {
        self.bell.close();
    }
}

pub(super) fn samples(audio: &[u8]) -> PyResult<Vec<i16>> {
    let (samples, rest) = audio.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(PyValueError::new_err(format!(
            "audio must hold whole 16-bit samples; {} bytes do not",
            audio.len()
        )));
    }
    Ok(samples.iter().map(|&sample| i16::from_le_bytes(sample)).collect())
}
