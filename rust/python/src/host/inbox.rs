//! The bell of a loop: an eventfd that the loop watches, written from any thread without the GIL.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use pipecat_engine as engine;
use rustix::event::{EventfdFlags, eventfd};

/// One non-blocking eventfd.
pub(crate) struct EventBell(OwnedFd);

impl EventBell {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Take the ring, so that the descriptor is quiet again.
    pub(crate) fn silence(&self) {
        let mut count = [0u8; 8];
        // Not readable: somebody was faster, and the inbox is looked at anyway.
        let _quiet = rustix::io::read(&self.0, &mut count);
    }
}

impl engine::Bell for EventBell {
    fn ring(&self) {
        // EAGAIN: the counter is full of rings that are pending already.
        let _pending = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}
