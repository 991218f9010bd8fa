//! The gates of a switcher: a branch is open while it is chosen.

use std::sync::Arc;

use crate::frame::{Direction, Frame, Kind};
use crate::graph::Emit;
use crate::host::Host;
use crate::inline::Inline;
use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

use super::seen::Seen;

/// Which branch of a switcher is open. May be changed from any thread.
#[derive(Clone)]
pub struct Choice(Arc<Chosen>);

struct Chosen {
    branch: AtomicUsize,
    /// Frames that were let into the branch which was open then.
    entered: Mutex<Seen>,
}

impl Choice {
    /// Begin with this branch.
    #[must_use]
    pub fn new(branch: usize) -> Self {
        Self(Arc::new(Chosen { branch: AtomicUsize::new(branch), entered: Mutex::default() }))
    }
    /// Open another branch, closing the rest.
    pub fn set(&self, branch: usize) {
        self.0.branch.store(branch, Ordering::Release);
    }
    /// The open branch.
    #[must_use]
    pub fn get(&self) -> usize {
        self.0.branch.load(Ordering::Acquire)
    }
    /// A frame is let into the open branch.
    pub(crate) fn enters(&self, id: u64) {
        if id != 0 {
            lock(&self.0.entered).insert(id);
        }
    }
    fn has_entered(&self, id: u64) -> bool {
        id != 0 && lock(&self.0.entered).contains(id)
    }
}

/// Stands at one end of a branch and lets out only what the open one says, lifecycle frames, and
/// frames that went in while the branch was open: a switch abandons what a service would have made,
/// not what it was given to pass on.
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

    fn lets_out(&self, kind: Kind, id: u64) -> bool {
        self.choice.get() == self.branch
            || kind.is_lifecycle()
            || kind == Kind::Sentinel
            || self.choice.has_entered(id)
    }
}

impl<H: Host> Inline<H> for Gate {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        if frame.direction != self.outward || self.lets_out(frame.class.kind, frame.id) {
            emit.forward(frame);
        } else {
            emit.discard(frame);
        }
    }
}
