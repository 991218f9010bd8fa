//! What a compound knows of interruptions: those that went into every branch, and those that began
//! in one, of which the others have not heard.

use std::collections::VecDeque;

use crate::epoch::Epoch;
use crate::frame::Frame;
use crate::host::Host;

/// Interruptions are seconds apart: more than these are never under way.
const REMEMBERED: usize = 64;

#[derive(Default)]
pub(super) struct Interruptions {
    /// Went in, and have not come out.
    inside: VecDeque<Epoch>,
    /// The newest that went through all branches.
    passed: Epoch,
    /// The newest that came out.
    left: Epoch,
    /// One that began in a branch and came out: the other branches are to be told of it.
    untold: Option<Epoch>,
}

impl Interruptions {
    /// One goes into every branch.
    pub(super) fn enter(&mut self, epoch: Epoch) {
        if self.inside.len() == REMEMBERED {
            self.inside.pop_front();
        }
        self.inside.push_back(epoch);
    }

    /// One comes out of a branch, the first time.
    pub(super) fn leave(&mut self, epoch: Epoch) {
        self.left = self.left.max(epoch);
        let went_through = epoch <= self.passed || self.inside.contains(&epoch);
        if went_through {
            self.passed = self.passed.max(epoch);
            self.inside.retain(|inside| *inside > epoch);
        } else {
            self.untold = Some(epoch);
        }
    }

    /// What the other branches are to be told of, once.
    pub(super) fn take_untold(&mut self) -> Option<Epoch> {
        self.untold.take()
    }

    /// Whether a frame was generated before an interruption that has come out.
    pub(super) fn stale<H: Host>(&self, frame: &Frame<H>) -> bool {
        frame.is_stale(self.left)
    }

    /// Whether a frame that comes out now is too old. What an interruption drops in a mailbox comes
    /// out of order behind it, if the branch is slower than the interruption; a branch that has not
    /// heard of it goes on.
    pub(super) fn drop<H: Host>(&self, frame: &Frame<H>) -> bool {
        self.stale(frame) || frame.is_dropped_by(self.passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Bits;
    use crate::testing::{frame, frame_in};

    #[test]
    fn what_went_through_drops_what_comes_behind_it() {
        let mut interruptions = Interruptions::default();
        interruptions.enter(Epoch(1));
        assert!(!interruptions.drop(&frame(1)), "it has not come out");
        interruptions.leave(Epoch(1));
        assert_eq!(interruptions.take_untold(), None);
        assert!(interruptions.drop(&frame(1)));
    }

    #[test]
    fn what_began_in_one_branch_drops_only_what_is_generated() {
        let mut interruptions = Interruptions::default();
        interruptions.enter(Epoch(2));
        interruptions.leave(Epoch(1));
        assert_eq!(interruptions.take_untold(), Some(Epoch(1)), "the others are told");
        assert_eq!(interruptions.take_untold(), None, "once");
        assert!(!interruptions.drop(&frame(1)));
        assert!(interruptions.drop(&frame_in(1, 1, Bits::DROPPABLE)));
        interruptions.leave(Epoch(2));
        assert_eq!(interruptions.take_untold(), None);
        assert!(interruptions.drop(&frame(1)));
    }
}
