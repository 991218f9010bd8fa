//! How late native media was, for Python to look at.

use std::sync::Arc;
use std::time::Duration;

use pipecat_rs_transport as transport;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A histogram that a media thread feeds.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct Lateness(Arc<transport::Lateness>);

impl Lateness {
    pub(super) fn new(lateness: Arc<transport::Lateness>) -> Self {
        Self(lateness)
    }
}

#[pymethods]
impl Lateness {
    /// How many were counted.
    #[getter]
    fn count(&self) -> u64 {
        self.0.count()
    }

    /// The worst, in seconds.
    #[getter]
    fn max(&self) -> f64 {
        self.0.max().as_secs_f64()
    }

    /// What `percent` of them did not exceed, in seconds, to a quarter of an octave.
    fn percentile(&self, percent: f64) -> PyResult<f64> {
        if !(0.0..=100.0).contains(&percent) {
            return Err(PyValueError::new_err(format!("percent must be between 0 and 100, not {percent}")));
        }
        Ok(self.0.quantile(percent / 100.0).as_secs_f64())
    }

    /// Count, and p50, p99, p99.9 and max in ms.
    fn as_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        summary(py, Some(&self.0))
    }
}

/// A histogram's figures.
pub(super) fn summary<'py>(
    py: Python<'py>,
    lateness: Option<&transport::Lateness>,
) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    result.set_item("count", lateness.map_or(0, transport::Lateness::count))?;
    for (name, share) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("p99_9_ms", 0.999)] {
        result.set_item(name, lateness.map_or(0.0, |l| ms(l.quantile(share))))?;
    }
    result.set_item("max_ms", lateness.map_or(0.0, |l| ms(l.max())))?;
    Ok(result)
}
