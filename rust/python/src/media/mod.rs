//! Native media processors and players as Python makes them.

mod background;
mod paced;
mod playout;

pub(crate) use paced::{AudioArrivals, PacedAudio};
pub(crate) use playout::Playout;

use pipecat_rs_transport::Lateness;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::time::Duration;

/// A histogram's figures: count, p50, p99, p99.9 and max in ms.
pub(crate) fn summary<'py>(py: Python<'py>, lateness: Option<&Lateness>) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    result.set_item("count", lateness.map_or(0, Lateness::count))?;
    for (name, share) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("p99_9_ms", 0.999)] {
        result.set_item(name, lateness.map_or(0.0, |l| ms(l.quantile(share))))?;
    }
    result.set_item("max_ms", lateness.map_or(0.0, |l| ms(l.max())))?;
    Ok(result)
}

/// Start the threads that all media shares, if they do not run yet: they stay until the process ends.
#[pyfunction]
pub(crate) fn _start_media_threads(py: Python<'_>) {
    py.detach(|| drop(pipecat_rs_transport::runtime().enter()));
}
