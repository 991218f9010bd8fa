//! What a compound leaves at run time.

mod held;
mod interruptions;
mod mark;
mod parallel;
mod seen;
mod switch;
mod synchronised;

pub(crate) use parallel::{Barrier, Fork, Join};
pub use switch::Choice;
pub(crate) use switch::Gate;
pub use synchronised::Order;
pub(crate) use synchronised::{Batch, Port, Rendezvous, RendezvousEnd};

/// Where a compound lies in its graph.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// The end where downstream frames enter.
    pub(crate) head: u32,
    /// The end where they leave.
    pub(crate) tail: u32,
    /// Past its last node; those of the branches follow the two ends.
    pub(crate) past: u32,
}

impl Place {
    /// The nodes of all branches.
    fn inside(self) -> std::ops::Range<u32> {
        self.tail + 1..self.past
    }
}
