//! What the hot methods return instead of coroutines of their own.

use pipecat_engine::Direction;
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::host::ffi::make_ready_awaitable;
use crate::processor::ProcessorBase;

static READY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The one awaitable that is over at its first step.
pub(crate) fn ready(py: Python<'_>) -> PyResult<Py<PyAny>> {
    READY.get_or_try_init(py, || make_ready_awaitable(py)).map(|ready| ready.clone_ref(py))
}

/// What `push_frame` and `queue_frame` return on a thread that is not the loop's: a coroutine that
/// pushes when the loop steps it, for `run_coroutine_threadsafe`.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct Deferred {
    processor: Py<ProcessorBase>,
    frame: Py<PyAny>,
    direction: Direction,
    queue: bool,
}

impl Deferred {
    #[cold]
    pub(crate) fn make(
        processor: &Bound<'_, ProcessorBase>,
        frame: &Bound<'_, PyAny>,
        direction: Direction,
        queue: bool,
    ) -> PyResult<Py<PyAny>> {
        let deferred =
            Self { processor: processor.clone().unbind(), frame: frame.clone().unbind(), direction, queue };
        Ok(Py::new(processor.py(), deferred)?.into_any())
    }
}

#[pymethods]
impl Deferred {
    fn send(&self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Option<()>> {
        self.__next__(py)?;
        Err(PyStopIteration::new_err(()))
    }
    #[pyo3(signature = (error, value=None, traceback=None))]
    fn throw(
        &self,
        error: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _legacy = (value, traceback);
        Err(PyErr::from_value(error.clone()))
    }
    fn close(&self) {}
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }
    fn __next__(&self, py: Python<'_>) -> PyResult<Option<()>> {
        let direction = crate::direction::object(py, self.direction);
        let name = if self.queue { "queue_frame" } else { "push_frame" };
        let processor = self.processor.bind(py);
        match processor.get().loop_elsewhere(py) {
            // Awaited on another loop's thread: the processor's own loop does it.
            Some(loop_) => {
                let push = processor.getattr(name)?;
                loop_.bind(py).call_method1("call_soon_threadsafe", (push, &self.frame, direction))?;
            }
            None => {
                processor.call_method1(name, (&self.frame, direction))?;
            }
        }
        Ok(None)
    }
}

/// Waits for a future, and is a coroutine while it does: users hand what `push_frame` returns to
/// `create_task`. Dropped unawaited, it complains to nobody.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct Waiting(Py<PyAny>);

impl Waiting {
    #[cold]
    pub(crate) fn for_future(future: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let steps = future.call_method0("__await__")?;
        Ok(Py::new(future.py(), Self(steps.unbind()))?.into_any())
    }
}

#[pymethods]
impl Waiting {
    fn send<'py>(&self, py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.0.bind(py).call_method1("send", (value,))
    }
    #[pyo3(signature = (error, value=None, traceback=None))]
    fn throw<'py>(
        &self,
        py: Python<'py>,
        error: &Bound<'py, PyAny>,
        value: Option<&Bound<'py, PyAny>>,
        traceback: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _legacy = (value, traceback);
        self.0.bind(py).call_method1("throw", (error,))
    }
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.0.bind(py).call_method0("close").map(drop)
    }
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.bind(py).call_method0("__next__")
    }
    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.0)
    }
}
