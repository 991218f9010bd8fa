//! The interpreter's exit while a loop runs in another thread.
//!
//! Up to 3.13 CPython ends such a thread at its next wait for the GIL by unwinding it, which aborts
//! the process if Rust is on its stack. So before the interpreter goes down, no cascade is begun
//! any more, and those under way are waited for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

static CLOSING: AtomicBool = AtomicBool::new(false);
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// How long a step may hold up the exit.
const PATIENCE: Duration = Duration::from_secs(1);

/// A cascade under way.
pub(crate) struct Inside(());

impl Inside {
    /// Begin a cascade; `None` once the interpreter is going down.
    pub(crate) fn enter() -> Option<Self> {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        let inside = Self(());
        (!CLOSING.load(Ordering::SeqCst)).then_some(inside)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Called at exit, with the GIL: other threads get it while this one waits.
#[pyfunction]
#[expect(clippy::disallowed_methods, reason = "at exit there is nobody left to tell of an event")]
pub(crate) fn _close_for_ever(py: Python<'_>) {
    CLOSING.store(true, Ordering::SeqCst);
    py.detach(|| {
        let until = Instant::now() + PATIENCE;
        while INSIDE.load(Ordering::SeqCst) > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}
