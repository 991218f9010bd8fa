//! Frames with a time: each is passed on when the clock has reached it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use pipecat_engine::{Epoch, Frame, Host};
use tokio::time::Instant;

struct Timed<H: Host> {
    due: Instant,
    order: u64,
    frame: Frame<H>,
    interruptible: bool,
    epoch: Epoch,
}

/// A queue ordered by time. Frames of equal time keep the order they came in.
pub(super) struct TimedFrames<H: Host> {
    heap: BinaryHeap<Timed<H>>,
    count: u64,
}

impl<H: Host> TimedFrames<H> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), count: 0 }
    }

    pub(super) fn add(&mut self, frame: Frame<H>, due: Instant, interruptible: bool, epoch: Epoch) {
        self.count += 1;
        self.heap.push(Timed { due, order: self.count, frame, interruptible, epoch });
    }

    /// When the next one is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|timed| timed.due)
    }

    /// The next one if its time has come, or any if there is no limit, unless an interruption has
    /// made it stale.
    pub(super) fn take(&mut self, limit: Option<Instant>, epoch: Epoch) -> Option<Frame<H>> {
        while self.next_at().is_some_and(|due| limit.is_none_or(|limit| due <= limit)) {
            let timed = self.heap.pop()?;
            if !(timed.interruptible && timed.epoch.is_before(epoch)) {
                return Some(timed.frame);
            }
        }
        None
    }

    pub(super) fn drop_interruptible(&mut self) {
        self.heap.retain(|timed| !timed.interruptible);
    }
}

// A `BinaryHeap` gives out the greatest first: the earliest is the greatest.
impl<H: Host> Ord for Timed<H> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

impl<H: Host> PartialOrd for Timed<H> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<H: Host> PartialEq for Timed<H> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<H: Host> Eq for Timed<H> {}
