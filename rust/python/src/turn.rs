//! End of turn: the smart-turn network and the audio it judges, as Python holds them.
//!
//! The network's threads never take the GIL: an answer is laid down and its bell rung, which the
//! loop watches.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipecat_engine::Bell;
use pipecat_rs_inference::Runtime;
use pipecat_rs_inference::smart_turn::{Judgement, Segment, SegmentParams, SmartTurn, Stream, TurnError};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

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
    fn judge_segment(&self, segment: &SpeechSegment) -> PyResult<TurnAnswer> {
        let (audio, rate) = {
            let segment = segment.lock();
            (segment.audio(), segment.params().sample_rate)
        };
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

/// The audio of a turn, from shortly before speech on.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct SpeechSegment(Arc<Mutex<Segment>>);

#[pymethods]
impl SpeechSegment {
    #[new]
    fn new(sample_rate: u32, stop_secs: f64, pre_speech_secs: f64, longest_secs: f64) -> PyResult<Self> {
        if sample_rate == 0 {
            return Err(PyValueError::new_err("the sample rate of a segment is not known yet: it is 0"));
        }
        let params = SegmentParams {
            sample_rate,
            stop: seconds("stop_secs", stop_secs)?,
            pre_speech: seconds("pre_speech", pre_speech_secs)?,
            longest: seconds("max_duration_secs", longest_secs)?,
        };
        Ok(Self(Arc::new(Mutex::new(Segment::new(params)))))
    }

    /// Take 16-bit mono audio in. True if it was quiet for so long that the turn is over.
    fn append(&self, audio: &[u8], is_speech: bool) -> PyResult<bool> {
        Ok(self.lock().append(&samples(audio)?, is_speech))
    }

    /// How long somebody speaks before it is reported, in seconds.
    fn set_start_secs(&self, secs: f64) -> PyResult<()> {
        self.lock().set_start(seconds("vad_start_secs", secs)?);
        Ok(())
    }

    /// The audio to judge, as 16-bit samples.
    fn audio<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes: Vec<u8> = self.lock().audio().iter().flat_map(|sample| sample.to_le_bytes()).collect();
        PyBytes::new(py, &bytes)
    }

    /// Whether there is nothing to judge.
    #[getter]
    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Whether somebody has spoken in this turn.
    #[getter]
    fn has_speech(&self) -> bool {
        self.lock().has_speech()
    }

    /// Forget the turn.
    fn clear(&self) {
        self.lock().clear();
    }
}

impl SpeechSegment {
    fn lock(&self) -> MutexGuard<'_, Segment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn samples(audio: &[u8]) -> PyResult<Vec<i16>> {
    let (samples, rest) = audio.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(PyValueError::new_err(format!(
            "audio must hold whole 16-bit samples; {} bytes do not",
            audio.len()
        )));
    }
    Ok(samples.iter().map(|&sample| i16::from_le_bytes(sample)).collect())
}

fn seconds(name: &str, secs: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(secs)
        .map_err(|_| PyValueError::new_err(format!("{name} must be a time of 0 or more, not {secs}")))
}
