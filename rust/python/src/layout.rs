//! A pipeline's shape as Python describes it, as the engine's layout.

use pipecat_engine as engine;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::host::runner::Runner;
use crate::host::{Asyncio, Seat, classes};
use crate::media::{AudioArrivals, PacedAudio};
use crate::processor::{ProcessorBase, in_use};
use crate::task::TaskBase;
use crate::turn::SpeechSegment;
use crate::voice::VoiceActivity;

/// Which branch of a switcher is open.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct SwitchChoice(engine::Choice);

#[pymethods]
impl SwitchChoice {
    #[new]
    fn new(index: usize) -> Self {
        Self(engine::Choice::new(index))
    }
    /// Open another branch.
    fn set(&self, index: usize) {
        self.0.set(index);
    }
    /// The open branch.
    fn get(&self) -> usize {
        self.0.get()
    }
}

/// Reads a layout and seats its processors.
pub(crate) struct Reader<'a, 'py> {
    pub(crate) runner: &'a Bound<'py, Runner>,
    pub(crate) task: &'a Bound<'py, TaskBase>,
    pub(crate) bound: usize,
    /// Who was seated, in order of the pipeline.
    pub(crate) seated: Vec<(u32, Bound<'py, ProcessorBase>)>,
}

impl<'py> Reader<'_, 'py> {
    /// Read one part: `(kind, ...)`.
    pub(crate) fn read(&mut self, part: &Bound<'py, PyAny>) -> PyResult<engine::Layout<Asyncio>> {
        let part = part.cast::<PyTuple>()?;
        let kind: String = part.get_item(0)?.extract()?;
        match kind.as_str() {
            "processor" => self.processor(&part.get_item(1)?, &part.get_item(2)?),
            "sequence" => Ok(engine::Layout::Sequence(self.parts(&part.get_item(1)?)?)),
            "parallel" => Ok(engine::Layout::Parallel {
                name: name_of(&part.get_item(1)?)?,
                branches: self.parts(&part.get_item(2)?)?,
            }),
            "synchronised" => Ok(engine::Layout::Synchronised {
                name: name_of(&part.get_item(1)?)?,
                branches: self.parts(&part.get_item(2)?)?,
                order: match part.get_item(3)?.extract::<String>()?.as_str() {
                    "pipeline" => engine::Order::Pipeline,
                    _ => engine::Order::Arrival,
                },
            }),
            "switch" => Ok(engine::Layout::Switch {
                name: name_of(&part.get_item(1)?)?,
                branches: self.parts(&part.get_item(2)?)?,
                choice: part.get_item(3)?.cast::<SwitchChoice>()?.get().0.clone(),
            }),
            "native" => native(&part.get_item(1)?, &part.get_item(2)?),
            other => Err(PyValueError::new_err(format!("unknown part of a pipeline: {other}"))),
        }
    }

    fn parts(&mut self, parts: &Bound<'py, PyAny>) -> PyResult<Vec<engine::Layout<Asyncio>>> {
        parts.cast::<PyList>()?.iter().map(|part| self.read(&part)).collect()
    }

    fn processor(
        &mut self,
        object: &Bound<'py, PyAny>,
        handles: &Bound<'py, PyAny>,
    ) -> PyResult<engine::Layout<Asyncio>> {
        let py = object.py();
        let processor = object.cast::<ProcessorBase>().map_err(|_| {
            PyTypeError::new_err(format!(
                "a pipeline takes frame processors, not {}",
                object.repr().map_or_else(|_| "this".to_owned(), |repr| repr.to_string())
            ))
        })?;
        if processor.get().task(py).is_some() {
            return Err(in_use(processor));
        }
        let interest = match handles.is_none() {
            true => None,
            false => Some(classes::interest_in(handles.cast::<PyTuple>()?)?),
        };
        let seat = Seat::Processor(processor.clone().unbind());
        let (slot, gauge) = {
            let interest = interest.clone();
            let bound = self.bound;
            self.runner.get().scheduler(py, |scheduler| scheduler.seat(seat, interest, bound))
        };
        self.seated.push((slot, processor.clone()));
        ProcessorBase::bind(processor, self.runner, self.task, slot, gauge.clone())?;
        Ok(engine::Layout::Slot { slot, name: name_of(object)?, interest, gauge })
    }
}

/// A processor that runs without Python.
fn native(owner: &Bound<'_, PyAny>, made: &Bound<'_, PyAny>) -> PyResult<engine::Layout<Asyncio>> {
    let (py, name) = (owner.py(), name_of(owner)?);
    if let Ok(audio) = made.cast::<PacedAudio>() {
        return Ok(engine::Layout::Worker { name, worker: audio.get().worker(py)? });
    }
    if let Ok(voice) = made.cast::<VoiceActivity>() {
        return Ok(engine::Layout::Inline { name, processor: voice.get().processor(py)? });
    }
    if let Ok(segment) = made.cast::<SpeechSegment>() {
        return Ok(engine::Layout::Inline { name, processor: segment.get().processor(py)? });
    }
    let arrivals = made.cast::<AudioArrivals>()?;
    Ok(engine::Layout::Inline { name, processor: arrivals.get().processor(py)? })
}

fn name_of(object: &Bound<'_, PyAny>) -> PyResult<std::sync::Arc<str>> {
    Ok(object.str()?.to_string().into())
}
