//! The bell of a loop: an eventfd that the loop watches, written from any thread without the GIL.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

use pipecat_engine as engine;
use rustix::event::{EventfdFlags, eventfd};

use super::Asyncio;
use super::ringer::{self, PATIENCE};

/// One non-blocking eventfd, until it is closed. The lock is taken once for each arming of the
/// inbox, never for each frame.
pub(crate) struct EventBell {
    descriptor: Mutex<Option<OwnedFd>>,
    /// Whose bell it is, if patient frames may come there.
    inbox: OnceLock<Weak<engine::Inbox<Asyncio>>>,
    began: Instant,
    /// When it last rang, in ns since it was made.
    rung: AtomicU64,
}

impl EventBell {
    pub(crate) fn new() -> std::io::Result<Self> {
        let descriptor = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self {
            descriptor: Mutex::new(Some(descriptor)),
            inbox: OnceLock::new(),
            began: Instant::now(),
            rung: AtomicU64::new(0),
        })
    }

    fn descriptor(&self) -> MutexGuard<'_, Option<OwnedFd>> {
        self.descriptor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Say whose bell it is.
    pub(crate) fn belongs_to(&self, inbox: &Arc<engine::Inbox<Asyncio>>) {
        let _already = self.inbox.set(Arc::downgrade(inbox));
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
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
        self.rung.store(self.now(), Ordering::Relaxed);
        if let Some(descriptor) = &*self.descriptor() {
            // EAGAIN: the counter is full of rings that are pending already.
            let _pending = rustix::io::write(descriptor, &1u64.to_ne_bytes());
        }
    }
    fn ring_later(&self) -> bool {
        let quiet = self.now().saturating_sub(self.rung.load(Ordering::Relaxed));
        if quiet > PATIENCE.as_nanos() as u64 {
            return false;
        }
        self.inbox.get().is_some_and(|inbox| ringer::ring_later(Weak::clone(inbox)))
    }
}
