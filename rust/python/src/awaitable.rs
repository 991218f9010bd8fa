//! What the hot methods return instead of coroutines of their own.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::host::ffi::make_ready_awaitable;

static READY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The one awaitable that is over at its first step.
pub(crate) fn ready(py: Python<'_>) -> PyResult<Py<PyAny>> {
    READY.get_or_try_init(py, || make_ready_awaitable(py)).map(|ready| ready.clone_ref(py))
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
