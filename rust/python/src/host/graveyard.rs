//! Where Python references go to die when they are dropped in a place that must not run Python:
//! on a worker thread, or while the engine's state is in use.

use crossbeam_queue::SegQueue;
use pyo3::prelude::*;

static GRAVES: SegQueue<Py<PyAny>> = SegQueue::new();

/// A frame object that the engine moves about.
pub(crate) struct FrameObject(Option<Py<PyAny>>);

impl FrameObject {
    #[inline(always)]
    pub(crate) fn new(object: Py<PyAny>) -> Self {
        Self(Some(object))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> &Py<PyAny> {
        self.0.as_ref().expect("only `into_inner` empties it, and consumes it")
    }

    /// Take the reference out, to be dropped by the caller.
    #[inline(always)]
    pub(crate) fn into_inner(mut self) -> Py<PyAny> {
        self.0.take().expect("only `into_inner` empties it, and consumes it")
    }
}

impl Drop for FrameObject {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            GRAVES.push(object);
        }
    }
}

/// Drop what has gathered. Runs `__del__` methods: call it where Python may run.
pub(crate) fn bury(_py: Python<'_>) {
    while let Some(object) = GRAVES.pop() {
        drop(object);
    }
}
