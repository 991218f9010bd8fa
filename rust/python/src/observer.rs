//! An observer's seat: a mailbox of its own in the loop's scheduler, so that observers hear of
//! everything in order, late perhaps, and never slow the pipeline down.

use pipecat_engine as engine;
use pipecat_engine::{Bits, Class, Direction, Kind};
use pyo3::intern;
use pyo3::prelude::*;

use crate::host::ffi::{GilCell, copy_current_context};
use crate::host::graveyard::FrameObject;
use crate::host::park::Parked;
use crate::host::runner::Runner;
use crate::host::{Seat, frame};

#[derive(Default)]
struct ObserverState {
    place: Option<(Py<Runner>, u32)>,
    context: Option<Py<PyAny>>,
    suspended: Option<Py<Parked>>,
}

/// Runs calls that return coroutines, one after another.
#[pyclass(frozen, weakref, module = "pipecat_rs._core")]
pub(crate) struct ObserverSeat {
    report: Py<PyAny>,
    state: GilCell<ObserverState>,
}

const CALL: Class = Class { id: u16::MAX - 1, kind: Kind::Other, bits: Bits(0) };

impl ObserverSeat {
    pub(crate) fn context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(context) = self.state.with(py, |state| state.context.as_ref().map(|c| c.clone_ref(py))) {
            return Ok(context.into_bound(py));
        }
        let context = copy_current_context(py)?;
        self.state.with(py, |state| state.context = Some(context.clone().unbind()));
        Ok(context)
    }

    pub(crate) fn set_suspended(&self, py: Python<'_>, parked: Option<Py<Parked>>) {
        let before = self.state.with(py, |state| std::mem::replace(&mut state.suspended, parked));
        drop(before);
    }

    /// An observer that fails is logged and stops nothing.
    pub(crate) fn report(&self, py: Python<'_>, error: PyErr) -> PyResult<()> {
        self.report.bind(py).call1((error.into_value(py),)).map(drop)
    }

    fn open(slf: &Bound<'_, Self>, loop_: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let runner = Runner::of_loop(loop_)?;
        let seat = Seat::Observer(slf.clone().unbind());
        let (slot, _) = runner.get().scheduler(py, |scheduler| scheduler.seat(seat, None, usize::MAX));
        // An observer has no start frame to wait for.
        runner.get().scheduler(py, |scheduler| scheduler.open(slot));
        slf.get().state.with(py, |state| state.place = Some((runner.unbind(), slot)));
        Ok(())
    }
}

#[pymethods]
impl ObserverSeat {
    /// `report(exception)` hears of calls that fail.
    #[new]
    fn new(report: Py<PyAny>) -> Self {
        Self { report, state: GilCell::new(ObserverState::default()) }
    }

    /// Take a seat on a loop.
    #[pyo3(name = "open")]
    fn py_open(slf: &Bound<'_, Self>, loop_: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::open(slf, loop_)
    }

    /// Run `call()` after those before it.
    fn post(slf: &Bound<'_, Self>, call: Py<PyAny>) -> PyResult<()> {
        let py = slf.py();
        let place = slf
            .get()
            .state
            .with(py, |state| state.place.as_ref().map(|(runner, slot)| (runner.clone_ref(py), *slot)));
        let Some((runner, slot)) = place else { return Ok(()) };
        let frame = engine::Frame {
            class: CALL,
            epoch: engine::Epoch::default(),
            id: 0,
            direction: Direction::Downstream,
            payload: engine::Payload::Foreign(FrameObject::new(call)),
        };
        Runner::deliver(runner.bind(py), slot, frame).map(drop)
    }

    /// Whether everything posted has run.
    #[getter]
    fn idle(&self, py: Python<'_>) -> bool {
        let place = self
            .state
            .with(py, |state| state.place.as_ref().map(|(runner, slot)| (runner.clone_ref(py), *slot)));
        match place {
            Some((runner, slot)) => {
                let (waiting, _) = runner.get().scheduler(py, |scheduler| scheduler.fill(slot));
                waiting == 0 && self.state.with(py, |state| state.suspended.is_none())
            }
            None => true,
        }
    }

    /// Leave; what has not run is dropped, what hangs is cancelled.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let (place, suspended) =
            slf.get().state.with(py, |state| (state.place.take(), state.suspended.take()));
        if let Some(parked) = suspended {
            Parked::cancel_callback(parked.bind(py))?;
        }
        if let Some((runner, slot)) = place {
            let seat = runner.get().scheduler(py, |scheduler| scheduler.unseat(slot));
            drop(seat);
            Runner::clear_up(runner.bind(py))?;
        }
        let _name = intern!(py, "close");
        Ok(())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.report)?;
        let Some(state) = self.state.peek() else { return Ok(()) };
        if let Some((runner, _)) = &state.place {
            visit.call(runner)?;
        }
        visit.call(&state.context)?;
        visit.call(&state.suspended)
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        let dead = slf.get().state.with(slf.py(), std::mem::take);
        drop(dead);
    }
}

/// Keeps the compiler honest about which module makes frames.
const _: fn(&Bound<'_, PyAny>, Class, Direction, bool) -> PyResult<crate::host::Frame> = frame::wrap;
