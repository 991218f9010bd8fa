//! The native base of `FrameProcessor`: the hot methods. What users read or override is Python.

use std::sync::Arc;

use pipecat_engine as engine;
use pipecat_engine::{Bits, Direction, Gauge, Kind, Lane};
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::host::ffi::{GilCell, copy_context, copy_current_context};
use crate::host::park::Parked;
use crate::host::runner::{Runner, now_ms, this_thread};
use crate::host::{Asyncio, classes, frame};
use crate::task::TaskBase;

/// A processor's place in a running task.
struct Place {
    runner: Py<Runner>,
    task: Py<TaskBase>,
    thread: usize,
    slot: u32,
    gauge: Arc<Gauge>,
    /// Neighbours that run inside the caller's await, by direction.
    direct: [Option<Py<ProcessorBase>>; 2],
}

#[derive(Default)]
struct ProcessorState {
    place: Option<Place>,
    /// One context for each lane: what a suspended data callback sets, a system callback must not see.
    contexts: [Option<Py<PyAny>>; 2],
    suspended: [Option<Py<Parked>>; 2],
    hooked: bool,
    push_hooked: bool,
    process_tapped: bool,
    /// Frames queued before the processor is in a task.
    early: Vec<(Py<PyAny>, Direction)>,
}

/// Native base class of `FrameProcessor`.
#[pyclass(subclass, weakref, frozen, module = "pipecat_rs._core")]
pub(crate) struct ProcessorBase {
    state: GilCell<ProcessorState>,
}

/// A frame with a callback to run after it.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct QueuedFrame {
    #[pyo3(get)]
    pub(crate) frame: Py<PyAny>,
    #[pyo3(get)]
    callback: Py<PyAny>,
}

#[pymethods]
impl QueuedFrame {
    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.frame)?;
        visit.call(&self.callback)
    }
    /// Identity across branches is the frame's.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.frame.getattr(py, "id")
    }
}

impl ProcessorBase {
    /// The context to step a lane in.
    pub(crate) fn context<'py>(&self, py: Python<'py>, lane: Lane) -> PyResult<Bound<'py, PyAny>> {
        let known =
            self.state.with(py, |state| state.contexts[lane as usize].as_ref().map(|c| c.clone_ref(py)));
        if let Some(context) = known {
            return Ok(context.into_bound(py));
        }
        // The data lane begins with what the start frame's handler has set.
        let parent = match lane {
            Lane::System => None,
            Lane::Data => self.state.with(py, |state| state.contexts[0].as_ref().map(|c| c.clone_ref(py))),
        };
        let context = match parent {
            Some(parent) => copy_context(parent.bind(py))?,
            None => copy_current_context(py)?,
        };
        self.state.with(py, |state| state.contexts[lane as usize] = Some(context.clone().unbind()));
        Ok(context)
    }

    #[inline(always)]
    pub(crate) fn is_hooked(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.hooked)
    }

    pub(crate) fn suspended(&self, py: Python<'_>, lane: Lane) -> Option<Py<Parked>> {
        self.state.with(py, |state| state.suspended[lane as usize].as_ref().map(|p| p.clone_ref(py)))
    }

    pub(crate) fn set_suspended(&self, py: Python<'_>, lane: Lane, parked: Option<Py<Parked>>) {
        let before =
            self.state.with(py, |state| std::mem::replace(&mut state.suspended[lane as usize], parked));
        drop(before);
    }

    /// The task that it runs in, if it runs.
    pub(crate) fn task(&self, py: Python<'_>) -> Option<Py<TaskBase>> {
        self.state.with(py, |state| state.place.as_ref().map(|place| place.task.clone_ref(py)))
    }

    pub(crate) fn gauge(&self, py: Python<'_>) -> Option<Arc<Gauge>> {
        self.state.with(py, |state| state.place.as_ref().map(|place| Arc::clone(&place.gauge)))
    }

    /// How something native pushes as this processor, from any thread, while its task runs.
    pub(crate) fn pusher(slf: &Bound<'_, Self>) -> PyResult<engine::Pusher<Asyncio>> {
        let py = slf.py();
        let place = slf
            .get()
            .state
            .with(py, |state| state.place.as_ref().map(|place| (place.task.clone_ref(py), place.slot)));
        let found = place.and_then(|(task, slot)| {
            let graph = task.get().graph(py)?;
            Some(engine::Pusher::at(&graph, graph.node_of_slot(slot)?))
        });
        found.ok_or_else(|| PyRuntimeError::new_err(format!("{slf} is not in a running pipeline")))
    }

    fn is_elsewhere(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.place.as_ref().is_some_and(|place| place.thread != this_thread()))
    }

    /// Take a place in a running task.
    pub(crate) fn bind(
        slf: &Bound<'_, Self>,
        runner: &Bound<'_, Runner>,
        task: &Bound<'_, TaskBase>,
        slot: u32,
        gauge: Arc<Gauge>,
    ) -> PyResult<()> {
        let py = slf.py();
        let context = copy_current_context(py)?.unbind();
        let dead = slf.get().state.with(py, |state| {
            state.place = Some(Place {
                runner: runner.clone().unbind(),
                task: task.clone().unbind(),
                thread: runner.get().thread,
                slot,
                gauge,
                direct: [None, None],
            });
            std::mem::replace(&mut state.contexts, [Some(context), None])
        });
        drop(dead);
        Ok(())
    }

    /// Say which neighbour runs inside the caller's await.
    pub(crate) fn set_direct(&self, py: Python<'_>, direction: Direction, neighbour: Option<Py<Self>>) {
        let before = self.state.with(py, |state| {
            let place = state.place.as_mut()?;
            std::mem::replace(&mut place.direct[direction as usize], neighbour)
        });
        drop(before);
    }

    /// Frames that came before there was a place.
    pub(crate) fn deliver_early(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        for (frame, direction) in slf.get().state.with(py, |state| std::mem::take(&mut state.early)) {
            Self::deliver(slf, frame.bind(py), direction)?;
        }
        Ok(())
    }

    /// Leave the place.
    pub(crate) fn unbind_from_task(&self, py: Python<'_>) {
        let dead = self.state.with(py, |state| {
            (state.place.take(), std::mem::take(&mut state.contexts), std::mem::take(&mut state.suspended))
        });
        drop(dead);
    }

    fn place(&self, py: Python<'_>) -> Option<(Py<Runner>, u32)> {
        self.state
            .with(py, |state| state.place.as_ref().map(|place| (place.runner.clone_ref(py), place.slot)))
    }

    fn placed<R>(
        slf: &Bound<'_, Self>,
        f: impl FnOnce(&mut engine::Scheduler<crate::host::Asyncio>, u32) -> R,
    ) -> Option<R> {
        let py = slf.py();
        let (runner, slot) = slf.get().place(py)?;
        Some(runner.get().scheduler(py, |scheduler| f(scheduler, slot)))
    }

    /// Something changed besides mail: let the runner look.
    fn poked(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        match slf.get().place(py) {
            Some((runner, _)) => Runner::ensure_run(runner.bind(py)),
            None => Ok(()),
        }
    }

    fn deliver(
        slf: &Bound<'_, Self>,
        object: &Bound<'_, PyAny>,
        direction: Direction,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let Some((runner, slot)) = slf.get().place(py) else {
            slf.get().state.with(py, |state| state.early.push((object.clone().unbind(), direction)));
            return crate::awaitable::ready(py);
        };
        let mut class = match object.cast::<QueuedFrame>() {
            Ok(queued) => {
                let class = classes::class_of(queued.get().frame.bind(py))?;
                engine::Class { bits: class.bits.with(Bits::WRAPPED), ..class }
            }
            Err(_) => classes::class_of(object)?,
        };
        if class.kind == Kind::Interruption {
            class.bits = class.bits.with(Bits::SYSTEM);
        }
        // It may pass by this processor and meet a fork or a join next.
        let needs_id = runner.get().scheduler(py, |scheduler| scheduler.needs_id(slot, direction));
        let frame = frame::wrap(object, class, direction, needs_id)?;
        Runner::deliver(runner.bind(py), slot, frame)
    }

    #[cold]
    fn push_off_place(
        slf: &Bound<'_, Self>,
        frame: &Bound<'_, PyAny>,
        direction: Direction,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let direction = crate::direction::object(py, direction);
        Ok(slf.call_method1(intern!(py, "_push_unplaced"), (frame, direction))?.unbind())
    }

    /// Called on another thread than the loop's.
    #[cold]
    fn push_elsewhere(
        slf: &Bound<'_, Self>,
        frame: &Bound<'_, PyAny>,
        direction: Direction,
    ) -> PyResult<Py<PyAny>> {
        let direction = crate::direction::object(slf.py(), direction);
        Ok(slf.call_method1(intern!(slf.py(), "_push_from_thread"), (frame, direction))?.unbind())
    }

    #[inline(always)]
    fn push(slf: &Bound<'_, Self>, frame: &Bound<'_, PyAny>, direction: Direction) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let place = slf.get().state.with(py, |state| {
            let place = state.place.as_ref()?;
            let direct = place.direct[direction as usize].as_ref().map(|direct| direct.clone_ref(py));
            Some((place.runner.clone_ref(py), place.slot, place.thread, direct))
        });
        let Some((runner, slot, thread, direct)) = place else {
            return Self::push_off_place(slf, frame, direction);
        };
        if thread != this_thread() {
            return Self::push_elsewhere(slf, frame, direction);
        }
        let class = classes::class_of(frame)?;
        if let Some(direct) = direct
            && let Some((_, neighbour)) = direct.get().place(py)
            && runner.get().scheduler(py, |scheduler| scheduler.takes_directly(neighbour, class))
        {
            if class.kind.always_handled() {
                runner.get().scheduler(py, |scheduler| scheduler.pass_directly(slot, class, direction));
            }
            let direction = crate::direction::object(py, direction);
            let coroutine =
                direct.bind(py).call_method1(intern!(py, "_process_direct"), (frame, direction, slf))?;
            return Ok(coroutine.unbind());
        }
        Runner::push(runner.bind(py), slot, frame, class, direction)
    }
}

#[pymethods]
impl ProcessorBase {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: GilCell::new(ProcessorState::default()) }
    }

    #[pyo3(signature = (frame, direction=None))]
    fn push_frame(
        slf: &Bound<'_, Self>,
        frame: &Bound<'_, PyAny>,
        direction: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if slf.get().state.with(py, |state| state.push_hooked) {
            if slf.get().is_elsewhere(py) {
                return Self::push_elsewhere(slf, frame, crate::direction::from_argument(direction)?);
            }
            let direction = crate::direction::object(py, crate::direction::from_argument(direction)?);
            return Ok(slf.call_method1(intern!(py, "_push_hooked"), (frame, direction))?.unbind());
        }
        Self::push(slf, frame, crate::direction::from_argument(direction)?)
    }

    /// `push_frame` without its events.
    #[pyo3(signature = (frame, direction=None))]
    fn _push_frame(
        slf: &Bound<'_, Self>,
        frame: &Bound<'_, PyAny>,
        direction: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        Self::push(slf, frame, crate::direction::from_argument(direction)?)
    }

    #[pyo3(signature = (frame, direction=None, callback=None))]
    fn queue_frame(
        slf: &Bound<'_, Self>,
        frame: &Bound<'_, PyAny>,
        direction: Option<&Bound<'_, PyAny>>,
        callback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let direction = crate::direction::from_argument(direction)?;
        if slf.get().is_elsewhere(py) {
            let direction = crate::direction::object(py, direction);
            let queued = slf.call_method1(intern!(py, "_queue_from_thread"), (frame, direction, callback))?;
            return Ok(queued.unbind());
        }
        match callback.filter(|callback| !callback.is_none()) {
            None => Self::deliver(slf, frame, direction),
            Some(callback) => {
                let queued = QueuedFrame { frame: frame.clone().unbind(), callback: callback.unbind() };
                Self::deliver(slf, Bound::new(py, queued)?.as_any(), direction)
            }
        }
    }

    fn process_frame(
        slf: &Bound<'_, Self>,
        frame: &Bound<'_, PyAny>,
        direction: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let (known, tapped) = slf.get().state.with(py, |state| {
            let runner = state.place.as_ref().map(|place| place.runner.clone_ref(py));
            (runner, state.process_tapped)
        });
        let ready = known.as_ref().map(|runner| runner.get().ready.clone_ref(py));
        let kind = match known.and_then(|runner| runner.get().kind_in_hand(py, frame)) {
            Some(kind) => kind,
            None => classes::class_of(frame)?.kind,
        };
        if tapped {
            slf.call_method1(intern!(py, "_process_observed"), (frame, direction))?;
        }
        let control = match kind {
            Kind::Start | Kind::End | Kind::Stop => false,
            // The engine has purged and cancelled already; only measures and overrides are left.
            Kind::Interruption => !slf.getattr(intern!(py, "_interrupts_plainly"))?.is_truthy()?,
            kind => kind.always_handled(),
        };
        if control {
            let control = slf.call_method1(intern!(py, "_process_control"), (frame, direction))?;
            return Ok(control.unbind());
        }
        match ready {
            Some(ready) => Ok(ready),
            None => crate::awaitable::ready(py),
        }
    }

    // ---- for the Python face

    /// Route process or push through the methods that call event handlers.
    fn _hook(&self, py: Python<'_>, process: bool, push: bool) {
        self.state.with(py, |state| (state.hooked, state.push_hooked) = (process, push));
    }

    /// Tell observers of each `process_frame`.
    fn _tap_process(&self, py: Python<'_>, on: bool) {
        self.state.with(py, |state| state.process_tapped = on);
    }

    /// Cancel the data callback that hangs, if it is the one for this frame; nothing else is dropped.
    fn _cancel_callback(slf: &Bound<'_, Self>, frame: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = slf.py();
        let Some(parked) = slf.get().suspended(py, Lane::Data) else { return Ok(false) };
        let carried = parked.get().state.with(py, |state| state.frame.as_ref().map(|f| f.clone_ref(py)));
        let ours = carried.is_some_and(|carried| match carried.bind(py).cast::<QueuedFrame>() {
            Ok(queued) => queued.get().frame.is(frame),
            Err(_) => carried.is(frame),
        });
        if ours { Runner::cancel_suspended(slf, Lane::Data) } else { Ok(false) }
    }

    /// The loop that it runs on, if it runs.
    fn _home_loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| Some(state.place.as_ref()?.runner.get().loop_.clone_ref(py)))
    }

    /// Whether it runs in a task.
    #[getter]
    fn _placed(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.place.is_some())
    }

    /// Begin an interruption here.
    fn _begin_interruption(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::placed(slf, |scheduler, slot| scheduler.begin_interruption(slot));
        Self::poked(slf)
    }

    /// Hold a lane from its next frame on, for at most so many seconds.
    fn _hold(slf: &Bound<'_, Self>, system: bool, seconds: f64) {
        let lane = if system { Lane::System } else { Lane::Data };
        let until = now_ms().saturating_add((seconds * 1000.0) as u32);
        Self::placed(slf, |scheduler, slot| scheduler.hold(slot, lane, until));
    }

    /// Let a lane go on.
    fn _release(slf: &Bound<'_, Self>, system: bool) -> PyResult<()> {
        let lane = if system { Lane::System } else { Lane::Data };
        Self::placed(slf, |scheduler, slot| {
            scheduler.set_now(now_ms());
            scheduler.release(slot, lane);
        });
        Self::poked(slf)
    }

    /// Hold the start frame until `setup` is done, or let it go.
    fn _set_up(slf: &Bound<'_, Self>, done: bool) -> PyResult<()> {
        Self::placed(slf, |scheduler, slot| scheduler.set_up(slot, done));
        Self::poked(slf)
    }

    /// Whether a frame of this class waits in the data lane.
    fn _has_waiting(slf: &Bound<'_, Self>, frame_type: &Bound<'_, pyo3::types::PyType>) -> PyResult<bool> {
        let interest = classes::interest_in(&PyTuple::new(slf.py(), [frame_type])?)?;
        let found =
            Self::placed(slf, |scheduler, slot| scheduler.has_waiting(slot, |class| interest.names(class)));
        Ok(found.unwrap_or(false))
    }

    fn __reduce_ex__(slf: &Bound<'_, Self>, _protocol: i32) -> PyResult<()> {
        let name = slf.get_type().name().map_or_else(|_| "processor".into(), |name| name.to_string());
        Err(pyo3::exceptions::PyTypeError::new_err(format!(
            "{name} cannot be pickled or copied: it is bound to the event loop it runs on. Pickle its \
             settings and build another."
        )))
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        let Some(state) = self.state.peek() else { return Ok(()) };
        if let Some(place) = &state.place {
            visit.call(&place.runner)?;
            visit.call(&place.task)?;
            for direct in place.direct.iter().flatten() {
                visit.call(direct)?;
            }
        }
        for context in state.contexts.iter().flatten() {
            visit.call(context)?;
        }
        for parked in state.suspended.iter().flatten() {
            visit.call(parked)?;
        }
        for (frame, _) in &state.early {
            visit.call(frame)?;
        }
        Ok(())
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        let py = slf.py();
        let early = slf.get().state.with(py, |state| std::mem::take(&mut state.early));
        slf.get().unbind_from_task(py);
        drop(early);
    }
}

/// A clear error for a processor that is in another running task.
pub(crate) fn in_use(processor: &Bound<'_, ProcessorBase>) -> PyErr {
    let name = processor.str().map_or_else(|_| "a processor".into(), |name| name.to_string());
    let py = processor.py();
    let error = py.import("pipecat_rs.exceptions").and_then(|module| module.getattr("ProcessorInUseError"));
    let text = format!(
        "{name} belongs to another running task. Wait for that task to finish, or build a second instance."
    );
    match error.and_then(|class| class.call1((text.as_str(),))) {
        Ok(value) => PyErr::from_value(value),
        Err(_) => PyRuntimeError::new_err(text),
    }
}
