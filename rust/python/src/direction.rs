//! `FrameDirection` across the border: the two members, compared by identity.

use pipecat_engine::Direction;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static MEMBERS: PyOnceLock<(Py<PyAny>, Py<PyAny>)> = PyOnceLock::new();

/// Set the enum's members.
pub(crate) fn set_members(py: Python<'_>, downstream: Py<PyAny>, upstream: Py<PyAny>) {
    let _already = MEMBERS.set(py, (downstream, upstream));
}

/// The member for a direction.
#[inline(always)]
pub(crate) fn object<'py>(py: Python<'py>, direction: Direction) -> &'py Bound<'py, PyAny> {
    let (downstream, upstream) = MEMBERS.get(py).expect("set when the module's Python face is imported");
    match direction {
        Direction::Downstream => downstream.bind(py),
        Direction::Upstream => upstream.bind(py),
    }
}

/// The direction that an argument means; without one, downstream.
#[inline(always)]
pub(crate) fn from_argument(argument: Option<&Bound<'_, PyAny>>) -> PyResult<Direction> {
    let Some(argument) = argument else { return Ok(Direction::Downstream) };
    let py = argument.py();
    let (downstream, upstream) = MEMBERS.get(py).expect("set when the module's Python face is imported");
    if argument.is(downstream) {
        Ok(Direction::Downstream)
    } else if argument.is(upstream) {
        Ok(Direction::Upstream)
    } else {
        Err(pyo3::exceptions::PyTypeError::new_err(format!(
            "direction must be FrameDirection.DOWNSTREAM or FrameDirection.UPSTREAM, not {}",
            argument.repr()?
        )))
    }
}
