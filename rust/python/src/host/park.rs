//! Parked tasks: real `asyncio.Task`s that are lent to the coroutine being stepped, so that
//! `current_task()`, `timeout`, `TaskGroup` and `wait_for` work inside it.
//!
//! One object is both the coroutine of such a task and the future that the task waits on while it
//! is parked. The second gives us `Task.cancel()`: it ends up in our `cancel`, which throws into
//! the user's coroutine at its await. The scheduler resumes that coroutine itself, from the
//! done-callback of whatever it waits for: handing the future to the task costs 1 µs more.

use pipecat_engine::Lane;
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet, PyType};

use super::ffi::{GilCell, Sent, send};
use super::runner::Runner;

/// What a callback leaves when it is over: where it belonged, and its frame.
pub(crate) type PutDown = ((u32, Lane), Option<Py<PyAny>>);

/// A suspended callback, or an idle task that waits for one.
pub(crate) struct ParkedState {
    pub(crate) runner: Option<Py<Runner>>,
    pub(crate) task: Option<Py<PyAny>>,
    /// The task's own wake-up callback while it is parked on us.
    wakeup: Option<Py<PyAny>>,
    wake_bound: Option<Py<PyAny>>,
    blocking: bool,
    /// Which callback it carries, while it carries one.
    pub(crate) slot: Option<(u32, Lane)>,
    pub(crate) coroutine: Option<Py<PyAny>>,
    pub(crate) context: Option<Py<PyAny>>,
    pub(crate) frame: Option<Py<PyAny>>,
    /// What the coroutine waits for; `None` with a coroutine there: a bare yield.
    pending: Option<Py<PyAny>>,
    pub(crate) stepping: bool,
    pub(crate) must_cancel: bool,
    pub(crate) cancelled_ever: bool,
    /// The engine asked for the cancellation, so its `CancelledError` is no news.
    pub(crate) expected: bool,
    retire: bool,
    registered: bool,
    /// The weak reference that `all_tasks()`'s set holds.
    weak: Option<Py<PyAny>>,
}

/// The coroutine and the future of one borrowed task.
#[pyclass(weakref, frozen, module = "pipecat_rs._core")]
pub(crate) struct Parked {
    pub(crate) state: GilCell<ParkedState>,
}

impl Parked {
    /// A new task on the runner's loop. It shows in `all_tasks()` only while it carries a callback.
    pub(crate) fn create<'py>(runner: &Bound<'py, Runner>) -> PyResult<Bound<'py, Self>> {
        let py = runner.py();
        let parked = Bound::new(
            py,
            Self {
                state: GilCell::new(ParkedState {
                    runner: Some(runner.clone().unbind()),
                    task: None,
                    wakeup: None,
                    wake_bound: None,
                    blocking: false,
                    slot: None,
                    coroutine: None,
                    context: None,
                    frame: None,
                    pending: None,
                    stepping: false,
                    must_cancel: false,
                    cancelled_ever: false,
                    expected: false,
                    retire: false,
                    registered: false,
                    weak: None,
                }),
            },
        )?;
        let asyncio = &runner.get().asyncio;
        let kwargs = PyDict::new(py);
        kwargs.set_item("loop", &runner.get().loop_)?;
        kwargs.set_item("context", &runner.get().context)?;
        let task = asyncio.task_type.bind(py).call((&parked,), Some(&kwargs))?;
        // An idle task that dies with its loop is no mistake of the user's.
        let _attribute = task.setattr("_log_destroy_pending", false);
        asyncio.unregister_task.bind(py).call1((&task,))?;
        let weak = match &asyncio.all_tasks {
            Some((_, remove)) => {
                let weak = py.import("weakref")?.getattr("ref")?.call1((&task, remove))?;
                weak.hash()?; // while its task lives, or removing it later raises
                Some(weak.unbind())
            }
            None => None,
        };
        let wake = parked.getattr("_wake")?.unbind();
        parked.get().state.with(py, |state| {
            state.weak = weak;
            state.task = Some(task.unbind());
            state.wake_bound = Some(wake);
        });
        Ok(parked)
    }

    fn runner<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Runner>> {
        let runner = self.state.with(py, |state| state.runner.as_ref().map(|r| r.clone_ref(py)));
        runner
            .map(|runner| runner.into_bound(py))
            .ok_or_else(|| PyRuntimeError::new_err("the task's loop is gone"))
    }

    pub(crate) fn task<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state
            .with(py, |state| state.task.as_ref().map(|task| task.clone_ref(py)))
            .map(|t| t.into_bound(py))
    }

    /// Whether `Task.cancel()` was called on a task that has not parked yet: then it could not
    /// reach our hook.
    pub(crate) fn was_cancelled(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let (fresh, known) = slf.get().state.with(py, |state| (state.wakeup.is_none(), state.cancelled_ever));
        if known || !fresh {
            return Ok(known);
        }
        let cancelled = slf.get().cancelling(py)? > 0;
        if cancelled {
            slf.get().state.with(py, |state| state.cancelled_ever = true);
        }
        Ok(cancelled)
    }

    fn cancelling(&self, py: Python<'_>) -> PyResult<u32> {
        match self.task(py) {
            Some(task) => task.call_method0(intern!(py, "cancelling"))?.extract(),
            None => Ok(0),
        }
    }

    /// Whether the task may be lent again. One that was cancelled behind our back, or whose
    /// callback swallowed the cancellation, may not: it would hang the loop's own shutdown.
    pub(crate) fn is_reusable(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let fresh = slf.get().state.with(py, |state| state.wakeup.is_none());
        if fresh && Self::was_cancelled(slf)? {
            // Its first step is still to come, and would raise into whatever it carries then.
            return Ok(false);
        }
        if !slf.get().state.with(py, |state| state.cancelled_ever) {
            return Ok(true);
        }
        let mut count = slf.get().cancelling(py)?;
        if count == 1
            && slf.get().state.with(py, |state| std::mem::take(&mut state.expected))
            && let Some(task) = slf.get().task(py)
        {
            // The engine's own cancellation is over with the callback.
            count = task.call_method0(intern!(py, "uncancel"))?.extract()?;
        }
        Ok(slf.get().state.with(py, |state| {
            let reusable = count == 0 && !state.must_cancel && !state.retire;
            if reusable {
                state.cancelled_ever = false;
            }
            reusable
        }))
    }

    /// Take a callback over from a step that suspended.
    pub(crate) fn carry(
        slf: &Bound<'_, Self>,
        slot: (u32, Lane),
        coroutine: Bound<'_, PyAny>,
        context: Py<PyAny>,
        frame: Py<PyAny>,
    ) -> PyResult<()> {
        let py = slf.py();
        slf.get().state.with(py, |state| {
            state.slot = Some(slot);
            state.coroutine = Some(coroutine.unbind());
            state.context = Some(context);
            state.frame = Some(frame);
            state.expected = false;
        });
        slf.get().register(py, true)
    }

    /// Put the callback down. Returns where it belonged and its frame.
    pub(crate) fn put_down(slf: &Bound<'_, Self>) -> PyResult<Option<PutDown>> {
        let py = slf.py();
        slf.get().register(py, false)?;
        let (slot, frame, dead) = slf.get().state.with(py, |state| {
            let dead = (state.coroutine.take(), state.pending.take(), state.context.take());
            (state.slot.take(), state.frame.take(), dead)
        });
        drop(dead);
        Ok(slot.map(|slot| (slot, frame)))
    }

    fn register(&self, py: Python<'_>, on: bool) -> PyResult<()> {
        let (weak, task, runner) = self.state.with(py, |state| {
            if state.registered == on {
                return (None, None, None);
            }
            state.registered = on;
            (
                state.weak.as_ref().map(|weak| weak.clone_ref(py)),
                state.task.as_ref().map(|task| task.clone_ref(py)),
                state.runner.as_ref().map(|runner| runner.clone_ref(py)),
            )
        });
        let (Some(task), Some(runner)) = (task, runner) else { return Ok(()) };
        let asyncio = &runner.get().asyncio;
        if let (Some((set, _)), Some(weak)) = (&asyncio.all_tasks, weak) {
            // The registry's own set, ten times faster than through `WeakSet`'s methods.
            let set = set.bind(py).cast::<PySet>()?;
            if on {
                set.add(weak)?;
            } else {
                set.discard(weak)?;
            }
            return Ok(());
        }
        let change = if on { &asyncio.register_task } else { &asyncio.unregister_task };
        change.bind(py).call1((task,))?;
        Ok(())
    }

    /// Let the task end on the loop's next pass.
    pub(crate) fn retire(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let wakeup = slf.get().state.with(py, |state| {
            state.retire = true;
            state.wakeup.take()
        });
        // Without a wake-up callback its first step is still to come.
        match wakeup {
            Some(wakeup) => slf.get().runner(py)?.get().call_soon(py, wakeup.bind(py), Some(slf.as_any())),
            None => Ok(()),
        }
    }

    /// Step the coroutine, its task current and its context entered by the caller.
    pub(crate) fn step<'py>(slf: &Bound<'py, Self>) -> Sent<'py> {
        let py = slf.py();
        let (coroutine, cancel) = slf.get().state.with(py, |state| {
            state.stepping = true;
            let cancel = std::mem::take(&mut state.must_cancel);
            (state.coroutine.as_ref().map(|coroutine| coroutine.clone_ref(py)), cancel)
        });
        let sent = match coroutine {
            None => Sent::Returned,
            Some(coroutine) if cancel => {
                match slf.get().runner(py).and_then(|runner| runner.get().asyncio.cancelled_error(py)) {
                    Ok(error) => throw(coroutine.bind(py), error),
                    Err(error) => Sent::Raised(error),
                }
            }
            Some(coroutine) => send(coroutine.bind(py)),
        };
        slf.get().state.with(py, |state| state.stepping = false);
        sent
    }

    /// Raise something into the coroutine.
    pub(crate) fn raise<'py>(slf: &Bound<'py, Self>, error: PyErr) -> Sent<'py> {
        let py = slf.py();
        let coroutine = slf.get().state.with(py, |state| {
            state.stepping = true;
            state.coroutine.as_ref().map(|coroutine| coroutine.clone_ref(py))
        });
        let sent = match coroutine {
            Some(coroutine) => throw(coroutine.bind(py), error.into_value(py).into_bound(py).into_any()),
            None => Sent::Returned,
        };
        slf.get().state.with(py, |state| state.stepping = false);
        sent
    }

    /// Wait for what the coroutine yielded, with the checks that `asyncio.Task` makes. `Some`: the
    /// coroutine must be told that this cannot be waited for.
    pub(crate) fn wait_for(slf: &Bound<'_, Self>, yielded: Bound<'_, PyAny>) -> PyResult<Option<PyErr>> {
        let py = slf.py();
        let runner = slf.get().runner(py)?;
        if yielded.is_none() {
            slf.get().state.with(py, |state| state.pending = None);
            runner.get().next_pass(py, slf.clone().unbind());
            Runner::ensure_run(&runner)?;
            return Ok(None);
        }
        let blocking = intern!(py, "_asyncio_future_blocking");
        let is_blocking = match yielded.getattr(blocking) {
            Ok(flag) => flag.is_truthy()?,
            Err(_) => {
                let text = yielded.repr().map_or_else(|_| "?".to_owned(), |repr| repr.to_string());
                return Ok(Some(PyRuntimeError::new_err(format!("Task got bad yield: {text}"))));
            }
        };
        let own_task = slf.get().task(py).is_some_and(|task| task.is(&yielded));
        if own_task {
            return Ok(Some(PyRuntimeError::new_err("Task cannot await on itself")));
        }
        if !is_blocking {
            return Ok(Some(PyRuntimeError::new_err("yield was used instead of yield from")));
        }
        if !yielded.call_method0(intern!(py, "get_loop"))?.is(&runner.get().loop_) {
            return Ok(Some(PyRuntimeError::new_err("got Future attached to a different loop")));
        }
        yielded.setattr(blocking, false)?;
        let (wake, must_cancel) = slf.get().state.with(py, |state| {
            state.pending = Some(yielded.clone().unbind());
            (state.wake_bound.as_ref().map(|wake| wake.clone_ref(py)), state.must_cancel)
        });
        let kwargs = PyDict::new(py);
        kwargs.set_item(intern!(py, "context"), &runner.get().context)?;
        yielded.call_method(intern!(py, "add_done_callback"), (wake,), Some(&kwargs))?;
        if must_cancel && yielded.call_method0(intern!(py, "cancel"))?.is_truthy()? {
            slf.get().state.with(py, |state| state.must_cancel = false);
        }
        Ok(None)
    }

    /// Cancel the callback that it carries, on the engine's behalf.
    pub(crate) fn cancel_callback(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        slf.get().state.with(py, |state| state.expected = true);
        if let Some(task) = slf.get().task(py) {
            task.call_method0(intern!(py, "cancel"))?;
        }
        Ok(())
    }

    /// Whether the cancellation can be raised at once: what the callback waits for is over, or it
    /// waits for nothing but its turn. Then whatever wakes it later wakes nobody.
    pub(crate) fn take_cancelled(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let pending = slf.get().state.with(py, |state| state.pending.as_ref().map(|p| p.clone_ref(py)));
        if let Some(pending) = pending {
            let cancelled = pending.bind(py).call_method0(intern!(py, "cancelled"));
            if !cancelled.is_ok_and(|cancelled| cancelled.is_truthy().unwrap_or(false)) {
                return Ok(false); // a task, which ends in its own time
            }
            let cancelled = slf.get().state.with(py, |state| {
                state.must_cancel = true;
                state.pending.take()
            });
            drop(cancelled);
        }
        Ok(slf.get().state.with(py, |state| state.must_cancel))
    }
}

fn throw<'py>(coroutine: &Bound<'py, PyAny>, error: Bound<'py, PyAny>) -> Sent<'py> {
    let py = coroutine.py();
    match coroutine.call_method1(intern!(py, "throw"), (error,)) {
        Ok(yielded) => Sent::Yielded(yielded),
        Err(error) if error.is_instance_of::<PyStopIteration>(py) => Sent::Returned,
        Err(error) => Sent::Raised(error),
    }
}

#[pymethods]
impl Parked {
    // ---- as the coroutine of the task

    fn send<'py>(slf: &Bound<'py, Self>, _value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        Self::__next__(slf)
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let (retire, must_cancel) = slf.get().state.with(py, |state| {
            if !state.retire {
                state.blocking = true;
            }
            (state.retire, state.must_cancel)
        });
        match (retire, must_cancel) {
            (false, _) => Ok(slf.clone().into_any()), // park
            (true, false) => Err(PyStopIteration::new_err(())),
            (true, true) => Err(PyErr::from_value(slf.get().runner(py)?.get().asyncio.cancelled_error(py)?)),
        }
    }

    #[pyo3(signature = (error, value=None, traceback=None))]
    fn throw<'py>(
        slf: &Bound<'py, Self>,
        error: &Bound<'py, PyAny>,
        value: Option<&Bound<'py, PyAny>>,
        traceback: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _legacy = (value, traceback);
        let py = slf.py();
        let error = if error.is_instance_of::<PyType>() { error.call0()? } else { error.clone() };
        if slf.get().state.with(py, |state| state.coroutine.is_some()) {
            // Cancelled before its first step, while it is lent: pass it on, then park.
            Self::cancel(slf, None)?;
            slf.get().state.with(py, |state| state.blocking = true);
            return Ok(slf.clone().into_any());
        }
        slf.get().state.with(py, |state| state.retire = true);
        Err(PyErr::from_value(error))
    }

    fn close(&self) {}

    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }
    #[getter]
    fn cr_running(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.stepping)
    }
    #[getter]
    fn cr_frame(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.of_coroutine(py, "cr_frame")
    }
    #[getter]
    fn cr_code(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.of_coroutine(py, "cr_code")
    }
    #[getter]
    fn cr_await(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.of_coroutine(py, "cr_await")
    }
    #[getter]
    fn __name__(&self) -> &'static str {
        "frame callback"
    }
    #[getter]
    fn __qualname__(&self) -> &'static str {
        "frame callback"
    }

    // ---- as the future that the task waits on while it is parked

    #[getter(_asyncio_future_blocking)]
    fn get_blocking(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.blocking)
    }
    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, py: Python<'_>, blocking: bool) {
        self.state.with(py, |state| state.blocking = blocking);
    }
    fn get_loop(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.runner(py)?.get().loop_.clone_ref(py))
    }
    #[pyo3(signature = (callback, *, context=None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        callback: Py<PyAny>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let _own = context;
        let py = slf.py();
        let retire = slf.get().state.with(py, |state| {
            state.wakeup = Some(callback);
            state.retire
        });
        if retire { Self::retire(slf) } else { Ok(()) }
    }
    fn remove_done_callback(&self, _callback: &Bound<'_, PyAny>) -> usize {
        0
    }
    fn done(&self) -> bool {
        false
    }
    fn cancelled(&self) -> bool {
        false
    }
    fn result(&self) {}

    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let py = slf.py();
        let (idle, pending) = slf.get().state.with(py, |state| {
            state.cancelled_ever = true;
            let idle = state.coroutine.is_none() && !state.stepping;
            let pending = if state.stepping { None } else { state.pending.as_ref().map(|p| p.clone_ref(py)) };
            (idle, pending)
        });
        if idle {
            // Somebody outside cancelled a task that only waits to be lent: let it die as cancelled.
            slf.get().runner(py)?.get().forget(py, slf);
            slf.get().state.with(py, |state| state.must_cancel = true);
            Self::retire(slf)?;
            return Ok(true);
        }
        if let Some(pending) = pending {
            let cancel = intern!(py, "cancel");
            let took = match msg {
                None => pending.bind(py).call_method0(cancel)?,
                Some(msg) => pending.bind(py).call_method1(cancel, (msg,))?,
            };
            if took.is_truthy()? {
                return Ok(true);
            }
        }
        slf.get().state.with(py, |state| state.must_cancel = true);
        Ok(true)
    }

    /// Done-callback of what the coroutine waits for.
    fn _wake(slf: &Bound<'_, Self>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let awaited = slf.get().state.with(py, |state| {
            let awaited = state.pending.as_ref().is_some_and(|pending| pending.is(future));
            state.pending.take_if(|_| awaited)
        });
        if awaited.is_none() {
            return Ok(()); // its cancellation did not wait for this
        }
        drop(awaited);
        let runner = slf.get().runner(py)?;
        runner.get().resume(py, slf.clone().unbind());
        Runner::run_now(&runner)
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        let Some(state) = self.state.peek() else { return Ok(()) };
        visit.call(&state.runner)?;
        visit.call(&state.task)?;
        visit.call(&state.wakeup)?;
        visit.call(&state.wake_bound)?;
        visit.call(&state.coroutine)?;
        visit.call(&state.context)?;
        visit.call(&state.frame)?;
        visit.call(&state.pending)
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        let dead = slf.get().state.with(slf.py(), |state| {
            (
                state.runner.take(),
                state.task.take(),
                state.wakeup.take(),
                state.wake_bound.take(),
                state.coroutine.take(),
                state.context.take(),
                state.frame.take(),
                state.pending.take(),
            )
        });
        drop(dead);
    }
}

impl Parked {
    fn of_coroutine(&self, py: Python<'_>, name: &str) -> Option<Py<PyAny>> {
        let coroutine = self.state.with(py, |state| state.coroutine.as_ref().map(|c| c.clone_ref(py)))?;
        coroutine.bind(py).getattr(name).ok().map(Bound::unbind)
    }
}
