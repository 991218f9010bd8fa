//! The stall watch: one thread that sees from outside that a loop does not answer.
//!
//! It rings each loop's bell now and then; a loop that does not answer in time is stalled. Only then
//! does it take the GIL, to ask on which line the loop's thread stands.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::inbox::EventBell;
use super::runner::{Runner, now_ms};

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A loop that does not answer for so long is stalled.
pub(crate) const STALL_MS: u32 = 500;

/// A loop's sign of life.
#[derive(Default)]
pub(crate) struct Pulse {
    /// Slot of the step in hand, plus one.
    slot: AtomicU32,
    asked: AtomicBool,
    asked_ms: AtomicU32,
    reported: AtomicBool,
}

impl Pulse {
    /// A step begins.
    #[inline(always)]
    pub(crate) fn begin(&self, slot: u32) {
        self.slot.store(slot + 1, Ordering::Relaxed);
    }

    /// The cascade is over.
    pub(crate) fn rest(&self) {
        self.slot.store(0, Ordering::Relaxed);
    }

    /// The loop answers.
    pub(crate) fn answer(&self) {
        self.asked.store(false, Ordering::Release);
    }
}

struct Watched {
    pulse: Weak<Pulse>,
    bell: Weak<EventBell>,
    runner: Py<PyWeakrefReference>,
    thread: u64,
}

impl Watched {
    fn is_of(&self, pulse: &Arc<Pulse>) -> bool {
        std::ptr::eq(self.pulse.as_ptr(), Arc::as_ptr(pulse))
    }
}

static WATCHED: OnceLock<Mutex<Vec<Watched>>> = OnceLock::new();

/// Watch a loop for as long as its pulse lives.
pub(crate) fn watch(runner: &Bound<'_, Runner>, pulse: &Arc<Pulse>, bell: &Arc<EventBell>) -> PyResult<()> {
    let py = runner.py();
    let entry = Watched {
        pulse: Arc::downgrade(pulse),
        bell: Arc::downgrade(bell),
        runner: PyWeakrefReference::new(runner.as_any())?.unbind(),
        thread: py.import("threading")?.call_method0("get_ident")?.extract()?,
    };
    let mut started = false;
    let list = WATCHED.get_or_init(|| {
        started = true;
        Mutex::default()
    });
    py.detach(|| list.lock().unwrap_or_else(PoisonError::into_inner).push(entry));
    if started {
        std::thread::Builder::new().name("pipecat-stall".to_owned()).spawn(look_for_ever)?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the watch has no event to wait for: silence is what it looks for"
)]
fn look_for_ever() {
    let Some(list) = WATCHED.get() else { return };
    loop {
        std::thread::sleep(LOOK_EVERY);
        let mut stalled = Vec::new();
        let mut gone = Vec::new();
        {
            let mut watched = list.lock().unwrap_or_else(PoisonError::into_inner);
            let mut index = 0;
            while index < watched.len() {
                let (Some(pulse), Some(bell)) =
                    (watched[index].pulse.upgrade(), watched[index].bell.upgrade())
                else {
                    gone.push(watched.swap_remove(index));
                    continue;
                };
                if let Some(silent_ms) = ask(&pulse, &bell) {
                    stalled.push((pulse, silent_ms));
                }
                index += 1;
            }
        }
        if (!stalled.is_empty() || !gone.is_empty()) && !report(list, &stalled, gone) {
            return;
        }
    }
}

/// Ask a loop for a sign of life; for how long it has owed one, if that is too long and not said yet.
fn ask(pulse: &Pulse, bell: &EventBell) -> Option<u32> {
    let now = now_ms();
    if !pulse.asked.swap(true, Ordering::AcqRel) {
        pulse.asked_ms.store(now, Ordering::Relaxed);
        pulse.reported.store(false, Ordering::Relaxed);
        pipecat_engine::Bell::ring(bell);
        return None;
    }
    let silent_ms = now.wrapping_sub(pulse.asked_ms.load(Ordering::Relaxed));
    (silent_ms >= STALL_MS && !pulse.reported.swap(true, Ordering::AcqRel)).then_some(silent_ms)
}

/// Say it in Python, with the line. False: the interpreter is going down.
#[expect(clippy::disallowed_methods, reason = "this thread is nobody's worker: it may wait for the GIL")]
fn report(list: &Mutex<Vec<Watched>>, stalled: &[(Arc<Pulse>, u32)], gone: Vec<Watched>) -> bool {
    // Without the interpreter their references can be dropped no more: they are left to the process.
    let mut gone = std::mem::ManuallyDrop::new(gone);
    Python::try_attach(|py| {
        drop(std::mem::take(&mut *gone));
        for (pulse, silent_ms) in stalled {
            report_one(py, list, pulse, *silent_ms);
        }
    })
    .is_some()
}

fn report_one(py: Python<'_>, list: &Mutex<Vec<Watched>>, pulse: &Arc<Pulse>, silent_ms: u32) {
    // The list may have changed while the interpreter was waited for.
    let found = {
        let watched = list.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = watched.iter().find(|entry| entry.is_of(pulse));
        entry.map(|entry| (entry.runner.clone_ref(py), entry.thread))
    };
    let slot = pulse.slot.load(Ordering::Relaxed);
    let Some((runner, thread)) = found else { return };
    let Some(runner) = runner.bind(py).upgrade() else { return };
    let Ok(runner) = runner.cast_into::<Runner>() else { return };
    if let Err(error) = Runner::stalled(&runner, slot.checked_sub(1), thread, silent_ms) {
        error.write_unraisable(py, Some(runner.as_any()));
    }
}

/// Watch a loop no more.
pub(crate) fn forget(py: Python<'_>, pulse: &Arc<Pulse>) {
    let Some(list) = WATCHED.get() else { return };
    let gone = py.detach(|| {
        let mut watched = list.lock().unwrap_or_else(PoisonError::into_inner);
        let at = watched.iter().position(|entry| entry.is_of(pulse));
        at.map(|at| watched.swap_remove(at))
    });
    drop(gone);
}
