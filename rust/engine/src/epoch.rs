//! Epochs: what an interruption makes stale.
//!
//! Each interruption of a task begins an epoch. A frame carries the epoch it was made in, a node
//! the last one it was told of; a droppable frame of an older epoch does not pass a node.

use crate::sync::{AtomicU32, Ordering};

/// A point in a task's sequence of interruptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

impl Epoch {
    /// Whether this epoch was over when `other` began.
    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        self.0 < other.0
    }
}

/// The newest epoch of a task. Any thread may begin one.
pub struct EpochCounter(AtomicU32);

impl Default for EpochCounter {
    fn default() -> Self {
        Self(AtomicU32::new(0))
    }
}

impl EpochCounter {
    /// Begin the next epoch.
    pub fn begin(&self) -> Epoch {
        Epoch(self.0.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// The newest epoch.
    pub fn current(&self) -> Epoch {
        Epoch(self.0.load(Ordering::Acquire))
    }
}
