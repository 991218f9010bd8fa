//! The gates of a switcher: a branch is open while it is chosen.

use std::sync::Arc;

use crate::frame::{Direction, Frame, Kind};
use crate::graph::Emit;
use crate::host::Host;
use crate::inline::Inline;
use crate::sync::{AtomicUsize, Ordering};

/// Which branch of a switcher is open. May be changed from any thread.
#[derive(Clone)]
pub struct Choice(Arc<AtomicUsize>);

impl Choice {
    /// Begin with this branch.
    #[must_use]
    pub fn new(branch: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(branch)))
    }
    /// Open another branch, closing the rest.
    pub fn set(&self, branch: usize) {
        self.0.store(branch, Ordering::Release);
    }
    /// The open branch.
    #[must_use]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// Stands at one end of a branch and lets out only what the open one says, and lifecycle frames.
///
/// The way in is the fork's: a gate that looked again would lose what was on its way when the choice
/// changed.
pub(crate) struct Gate {
    choice: Choice,
    branch: usize,
    outward: Direction,
}

impl Gate {
    /// A gate of a branch, at the end where frames of this direction leave it.
    #[must_use]
    pub(crate) fn new(choice: Choice, branch: usize, outward: Direction) -> Self {
        Self { choice, branch, outward }
    }

    fn lets_out(&self, kind: Kind) -> bool {
        self.choice.get() == self.branch || kind.is_lifecycle() || kind == Kind::Sentinel
    }
}

impl<H: Host> Inline<H> for Gate {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        if frame.direction != self.outward || self.lets_out(frame.class.kind) {
            emit.forward(frame);
        } else {
            emit.discard(frame);
        }
    }
}
