//! Std or loom types, so that the same code runs in production and in the model checker.

#[cfg(engine_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
#[cfg(engine_loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(engine_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
#[cfg(not(engine_loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Lock, also after a panic elsewhere: the engine's state is consistent between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A queue that many threads push to and one drains.
#[cfg(not(engine_loom))]
pub(crate) type Queue<T> = crossbeam_queue::SegQueue<T>;

/// The same for the model checker, which cannot see into `SegQueue`.
#[cfg(engine_loom)]
pub(crate) struct Queue<T>(Mutex<std::collections::VecDeque<T>>);

#[cfg(engine_loom)]
impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(std::collections::VecDeque::new()))
    }
    pub(crate) fn push(&self, value: T) {
        lock(&self.0).push_back(value);
    }
    pub(crate) fn pop(&self) -> Option<T> {
        lock(&self.0).pop_front()
    }
    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}
