//! The bell of a loop: an eventfd that the loop watches, written from any thread without the GIL.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pipecat_engine as engine;
use rustix::event::{EventfdFlags, eventfd};

/// One non-blocking eventfd, until it is closed. The lock is taken once for each arming of the
/// inbox, never for each frame.
pub(crate) struct EventBell(Mutex<Option<OwnedFd>>);

impl EventBell {
    pub(crate) fn new() -> std::io::Result<Self> {
        let descriptor = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self(Mutex::new(Some(descriptor))))
    }

    fn descriptor(&self) -> MutexGuard<'_, Option<OwnedFd>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The descriptor, for the loop to watch.
    pub(crate) fn number(&self) -> Option<RawFd> {
        self.descriptor().as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Take the ring, so that the descriptor is quiet again.
    pub(crate) fn silence(&self) {
        if let Some(descriptor) = &*self.descriptor() {
            let mut count = [0u8; 8];
            // Not readable: somebody was faster, and the inbox is looked at anyway.
            let _quiet = rustix::io::read(descriptor, &mut count);
        }
    }

    /// Nobody listens any more.
    pub(crate) fn close(&self) {
        drop(self.descriptor().take());
    }
}

impl engine::Bell for EventBell {
    fn ring(&self) {
        if let Some(descriptor) = &*self.descriptor() {
            // EAGAIN: the counter is full of rings that are pending already.
            let _pending = rustix::io::write(descriptor, &1u64.to_ne_bytes());
        }
    }
}
