//! Calls for a loop's thread, from any other and without the GIL: what sockets have to say while
//! no pipeline need run on the loop.
//!
//! The same protocol as the engine's inbox: a producer pushes, and rings only if the loop said that
//! it is about to sleep; the loop arms and looks again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_queue::SegQueue;
use pipecat_engine::Bell;
use pyo3::intern;
use pyo3::prelude::*;

use super::graveyard::bury;
use super::inbox::EventBell;

/// Made on any thread, run on the loop's. References in it that may die unrun are
/// [`FrameObject`](super::graveyard::FrameObject)s.
type Call = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>;

struct Shared {
    queue: SegQueue<Call>,
    armed: AtomicBool,
    bell: EventBell,
}

/// Where to leave calls.
#[derive(Clone)]
pub(crate) struct Port(Arc<Shared>);

impl Port {
    /// Leave a call. Never waits. Once the port is closed nobody makes it.
    pub(crate) fn call(&self, call: impl FnOnce(Python<'_>) -> PyResult<()> + Send + 'static) {
        self.0.queue.push(Box::new(call));
        if self.0.armed.swap(false, Ordering::SeqCst) {
            self.0.bell.ring();
        }
    }
}

/// The port of one loop, for as long as anybody uses it.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct LoopPort {
    port: Port,
    loop_: Py<PyAny>,
    users: AtomicUsize,
}

impl LoopPort {
    /// Use the port of a loop, made on first use. On the loop's thread.
    pub(crate) fn open<'py>(loop_: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let py = loop_.py();
        let known = loop_.getattr(intern!(py, "_pipecat_rs_port")).ok();
        if let Some(port) = known.and_then(|known| known.cast_into::<Self>().ok()) {
            port.get().users.fetch_add(1, Ordering::Relaxed);
            return Ok(port);
        }
        let shared = Shared { queue: SegQueue::new(), armed: AtomicBool::new(true), bell: EventBell::new()? };
        let port = Port(Arc::new(shared));
        let made = Bound::new(py, Self { port, loop_: loop_.clone().unbind(), users: AtomicUsize::new(1) })?;
        loop_.call_method1("add_reader", (made.get().port.0.bell.number(), made.getattr("_drain")?))?;
        loop_.setattr(intern!(py, "_pipecat_rs_port"), &made)?;
        Ok(made)
    }

    pub(crate) fn port(&self) -> Port {
        self.port.clone()
    }

    /// No use for it any more. On the loop's thread; the last user takes it down.
    pub(crate) fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        if this.users.fetch_sub(1, Ordering::Relaxed) > 1 {
            return Ok(());
        }
        let py = slf.py();
        let loop_ = this.loop_.bind(py);
        if !loop_.call_method0("is_closed")?.is_truthy()? {
            loop_.call_method1("remove_reader", (this.port.0.bell.number(),))?;
        }
        this.port.0.bell.close();
        if loop_.getattr(intern!(py, "_pipecat_rs_port")).is_ok_and(|known| known.is(slf)) {
            loop_.delattr(intern!(py, "_pipecat_rs_port"))?;
        }
        Ok(())
    }
}

#[pymethods]
impl LoopPort {
    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.loop_)
    }

    /// Called by the loop when the bell has rung.
    fn _drain(&self, py: Python<'_>) -> PyResult<()> {
        let shared = &self.port.0;
        shared.bell.silence();
        loop {
            while let Some(call) = shared.queue.pop() {
                if let Err(error) = call(py) {
                    self.report(py, &error)?;
                }
            }
            bury(py);
            shared.armed.swap(true, Ordering::SeqCst);
            // If a producer took the arming before this look, it has rung: we are called again.
            if shared.queue.is_empty() || !shared.armed.swap(false, Ordering::SeqCst) {
                return Ok(());
            }
        }
    }
}

impl LoopPort {
    /// One failing call is no reason to lose those behind it.
    fn report(&self, py: Python<'_>, error: &PyErr) -> PyResult<()> {
        let context = pyo3::types::PyDict::new(py);
        context.set_item("message", "a callback of a native transport raised")?;
        context.set_item("exception", error.value(py))?;
        self.loop_.bind(py).call_method1("call_exception_handler", (context,)).map(drop)
    }
}
