//! What can be seen of a node from any thread at any moment: written by the thread that runs it
//! with plain stores, read by snapshots, the stall watch and workers that want to pass it by.

use crate::mailbox::Lane;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// A node's dials.
pub struct Gauge {
    busy: [AtomicBool; 2],
    posted: [AtomicUsize; 2],
    depth: [AtomicU32; 2],
    oldest_ms: [AtomicU32; 2],
    in_hand: [AtomicU32; 2],
    since_ms: [AtomicU32; 2],
    processed: AtomicU64,
}

/// A lane as seen from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneReading {
    /// Frames that wait.
    pub depth: u32,
    /// When the oldest came, in ms of the scheduler's clock; meaningless at depth 0.
    pub oldest_ms: u32,
    /// Class number of the frame in hand.
    pub in_hand: Option<u16>,
    /// Since when it is in hand.
    pub since_ms: u32,
}

impl Default for Gauge {
    fn default() -> Self {
        Self {
            // Nobody passes a node that has not started.
            busy: [AtomicBool::new(true), AtomicBool::new(true)],
            posted: Default::default(),
            depth: Default::default(),
            oldest_ms: Default::default(),
            in_hand: Default::default(),
            since_ms: Default::default(),
            processed: AtomicU64::new(0),
        }
    }
}

impl Gauge {
    /// Whether a lane can be passed: it has nothing waiting, in hand or on the way to it.
    #[must_use]
    pub fn is_idle(&self, lane: Lane) -> bool {
        // Order matters: a post leaves the count only after the lane is marked busy.
        self.posted[lane as usize].load(Ordering::Acquire) == 0
            && !self.busy[lane as usize].load(Ordering::Acquire)
    }

    /// Another thread sends a frame through the inbox.
    pub fn posted(&self, lane: Lane) {
        self.posted[lane as usize].fetch_add(1, Ordering::AcqRel);
    }

    /// That frame is in the lane now.
    pub fn landed(&self, lane: Lane) {
        self.posted[lane as usize].fetch_sub(1, Ordering::AcqRel);
    }

    /// A lane's state, after a change.
    #[inline]
    pub fn set_lane(&self, lane: Lane, busy: bool, depth: usize, oldest_ms: Option<u32>) {
        self.busy[lane as usize].store(busy, Ordering::Release);
        self.depth[lane as usize].store(depth as u32, Ordering::Relaxed);
        if let Some(oldest_ms) = oldest_ms {
            self.oldest_ms[lane as usize].store(oldest_ms, Ordering::Relaxed);
        }
    }

    /// Whether a lane can be passed, after a change in the other one.
    #[inline]
    pub fn set_busy(&self, lane: Lane, busy: bool) {
        self.busy[lane as usize].store(busy, Ordering::Release);
    }

    /// A frame is taken in hand.
    #[inline]
    pub fn take(&self, lane: Lane, class: u16, now_ms: u32) {
        self.since_ms[lane as usize].store(now_ms, Ordering::Relaxed);
        self.in_hand[lane as usize].store(u32::from(class) + 1, Ordering::Relaxed);
    }

    /// The frame in hand is done with.
    #[inline]
    pub fn done(&self, lane: Lane) {
        self.in_hand[lane as usize].store(0, Ordering::Relaxed);
        // One writer: the thread that runs the node.
        self.processed.store(self.processed.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Read a lane.
    #[must_use]
    pub fn read(&self, lane: Lane) -> LaneReading {
        let in_hand = self.in_hand[lane as usize].load(Ordering::Relaxed);
        LaneReading {
            depth: self.depth[lane as usize].load(Ordering::Relaxed)
                + self.posted[lane as usize].load(Ordering::Relaxed) as u32,
            oldest_ms: self.oldest_ms[lane as usize].load(Ordering::Relaxed),
            in_hand: in_hand.checked_sub(1).map(|class| class as u16),
            since_ms: self.since_ms[lane as usize].load(Ordering::Relaxed),
        }
    }

    /// Frames processed so far.
    #[must_use]
    pub fn processed(&self) -> u64 {
        self.processed.load(Ordering::Relaxed)
    }
}
