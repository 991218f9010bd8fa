//! Native inline processors: synchronous state machines that run on whichever thread delivers.
//!
//! Prior art: a combining lock. Whoever finds the seat free runs the frame; whoever finds it taken
//! leaves the frame in the backlog, which the one in the seat empties before it goes. So a hop is a
//! function call, nobody ever waits, a processor that pushes round a cycle back to itself does not
//! dead-lock, and the order of each producer is kept.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::TryLockError;

use crate::frame::Frame;
use crate::graph::{Emit, Pusher};
use crate::host::Host;
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, fence, lock};

/// A synchronous processor.
pub trait Inline<H: Host>: Send {
    /// Handle one frame; pass on what should go on through `emit`. A panic costs the frame in hand
    /// and is reported; the next frame finds the processor as the panic left it.
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>);

    /// Learn how to push between two frames, from any thread: for what takes time, and whose outcome
    /// becomes a frame of its own.
    fn attach(&mut self, _pusher: Pusher<H>) {}
}

/// The seat of an inline processor.
pub struct InlineSeat<H: Host> {
    processor: Mutex<Box<dyn Inline<H>>>,
    backlog: Mutex<VecDeque<Frame<H>>>,
    waiting: AtomicUsize,
}

impl<H: Host> InlineSeat<H> {
    /// Seat a processor.
    #[must_use]
    pub fn new(processor: Box<dyn Inline<H>>) -> Self {
        Self {
            processor: Mutex::new(processor),
            backlog: Mutex::new(VecDeque::new()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Tell the processor how to push between two frames.
    pub(crate) fn attach(&self, pusher: Pusher<H>) {
        lock(&self.processor).attach(pusher);
    }

    /// How many frames wait because the seat is taken.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Process the frame now, or leave it to whoever is in the seat.
    #[inline]
    pub fn run(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        // A frame in the backlog goes first, so with any there this one queues up behind it.
        if self.waiting.load(Ordering::Acquire) == 0
            && let Some(mut processor) = self.sit()
        {
            if self.waiting.load(Ordering::Acquire) == 0 {
                process(&mut **processor, frame, emit);
            } else {
                self.leave(frame);
            }
        } else {
            self.leave(frame);
        }
        self.drain(emit);
    }

    /// Take the seat if it is free.
    #[inline]
    fn sit(&self) -> Option<MutexGuard<'_, Box<dyn Inline<H>>>> {
        match self.processor.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    #[cold]
    fn leave(&self, frame: Frame<H>) {
        let mut backlog = lock(&self.backlog);
        backlog.push_back(frame);
        self.waiting.fetch_add(1, Ordering::SeqCst);
    }

    #[inline]
    fn drain(&self, emit: &mut Emit<'_, H>) {
        loop {
            // Pairs with the one who leaves a frame and then finds the seat taken: either it sees
            // the seat free, or we see its frame.
            fence(Ordering::SeqCst);
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return;
            }
            let Some(mut processor) = self.sit() else { return };
            loop {
                let next = lock(&self.backlog).pop_front();
                let Some(frame) = next else { break };
                self.waiting.fetch_sub(1, Ordering::SeqCst);
                process(&mut **processor, frame, emit);
            }
        }
    }
}

#[inline]
fn process<H: Host>(processor: &mut dyn Inline<H>, frame: Frame<H>, emit: &mut Emit<'_, H>) {
    let processed = catch_unwind(AssertUnwindSafe(|| processor.process(frame, emit)));
    if let Err(panic) = processed {
        emit.failed(message(&*panic));
    }
}

#[cold]
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".to_owned())
}
