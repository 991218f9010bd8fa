//! The gates of a switcher: a branch is open while it is chosen.

use std::sync::Arc;

use crate::frame::{Frame, Kind};
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
pub(crate) struct Gate {
    choice: Choice,
    branch: usize,
}

impl Gate {
    /// A gate of a branch.
    #[must_use]
    pub(crate) fn new(choice: Choice, branch: usize) -> Self {
        Self { choice, branch }
    }
}

impl<H: Host> Inline<H> for Gate {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let always = frame.class.kind.is_lifecycle() || frame.class.kind == Kind::Sentinel;
        if always || self.choice.get() == self.branch {
            emit.forward(frame);
        } else {
            emit.discard(frame);
        }
    }
}
