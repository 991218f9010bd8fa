//! What handing an event to the loop costs a media thread: a hook for the benchmark.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pipecat_engine as engine;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::host::frame::{NativeBody, native_class};
use crate::host::{Asyncio, Frame};
use crate::task::TaskBase;

/// Post `count` data frames, one each `period_us` µs, from this thread to the first processor of a
/// running task, without the GIL. Returns how long the posts took: mean, p99 and max in µs.
#[pyfunction]
#[expect(clippy::disallowed_methods, reason = "it plays a media thread that keeps time")]
pub(crate) fn _bench_post<'py>(
    py: Python<'py>,
    task: &Bound<'py, TaskBase>,
    count: u64,
    period_us: u64,
) -> PyResult<Bound<'py, PyDict>> {
    let entry = task.get().graph(py).and_then(|graph| match graph.entry {
        engine::Link::Node(node) => Some(engine::Pusher::at(&graph, node)),
        _ => None,
    });
    let pusher = entry.ok_or_else(|| PyRuntimeError::new_err("the task does not run, or is empty"))?;
    let class = native_class(py, &NativeBody::Tick(0))?;
    let mut took = py.detach(|| {
        let begin = Instant::now();
        (0..count)
            .map(|number| {
                let due = begin + Duration::from_micros(period_us * number);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let frame = tick(class, number);
                let before = Instant::now();
                pusher.deliver(frame);
                before.elapsed().as_secs_f64() * 1e6
            })
            .collect::<Vec<f64>>()
    });
    took.sort_by(f64::total_cmp);
    let result = PyDict::new(py);
    let at = |share: f64| took.get(((took.len() as f64 * share) as usize).min(took.len().saturating_sub(1)));
    result.set_item("mean_us", took.iter().sum::<f64>() / count.max(1) as f64)?;
    result.set_item("p99_us", at(0.99).copied().unwrap_or_default())?;
    result.set_item("max_us", at(1.0).copied().unwrap_or_default())?;
    Ok(result)
}

fn tick(class: engine::Class, number: u64) -> Frame {
    Frame {
        class,
        epoch: engine::Epoch::default(),
        id: 0,
        direction: engine::Direction::Downstream,
        payload: engine::Payload::<Asyncio>::Native(Arc::new(engine::NativeFrame::new(NativeBody::Tick(
            number,
        )))),
    }
}
