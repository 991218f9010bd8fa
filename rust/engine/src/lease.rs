//! Pause leases: a lane is held for a stated time at most, and never against the control plane.
//!
//! A boolean pause dead-locks when whoever set it goes away. A lease names an end; when that is
//! past, the lane goes on by itself.

use crate::frame::Class;
use crate::mailbox::Lane;

/// The leases on one node's lanes: until when each is held, in ms of the caller's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    until_ms: [Option<u32>; 2],
}

impl Leases {
    /// Hold a lane from its next frame on. The later of two ends wins.
    pub fn hold(&mut self, lane: Lane, until_ms: u32) {
        let slot = &mut self.until_ms[lane as usize];
        *slot = Some(slot.map_or(until_ms, |earlier| earlier.max(until_ms)));
    }

    /// Let a lane go on.
    pub fn release(&mut self, lane: Lane) {
        self.until_ms[lane as usize] = None;
    }

    /// Whether a frame of this class must wait.
    #[inline]
    #[must_use]
    pub fn holds(&self, lane: Lane, class: Class, now_ms: u32) -> bool {
        match self.until_ms[lane as usize] {
            None => false,
            Some(until_ms) => now_ms < until_ms && !class.kind.passes_pause(),
        }
    }

    /// Whether a lane is held at all.
    #[must_use]
    pub fn is_held(&self, lane: Lane, now_ms: u32) -> bool {
        self.until_ms[lane as usize].is_some_and(|until_ms| now_ms < until_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Bits, Kind};

    const DATA: Class = Class { id: 1, kind: Kind::Other, bits: Bits(0) };
    const CANCEL: Class = Class { id: 2, kind: Kind::Cancel, bits: Bits::SYSTEM };

    #[test]
    fn a_lease_ends_by_itself() {
        let mut leases = Leases::default();
        leases.hold(Lane::Data, 100);
        assert!(leases.holds(Lane::Data, DATA, 99));
        assert!(!leases.holds(Lane::Data, DATA, 100));
        assert!(!leases.holds(Lane::System, DATA, 0));
    }

    #[test]
    fn the_control_plane_never_waits() {
        let mut leases = Leases::default();
        leases.hold(Lane::System, 100);
        assert!(!leases.holds(Lane::System, CANCEL, 0));
    }

    #[test]
    fn release_ends_it_early_and_the_later_end_wins() {
        let mut leases = Leases::default();
        leases.hold(Lane::Data, 100);
        leases.hold(Lane::Data, 50);
        assert!(leases.holds(Lane::Data, DATA, 99));
        leases.release(Lane::Data);
        assert!(!leases.is_held(Lane::Data, 0));
    }
}
