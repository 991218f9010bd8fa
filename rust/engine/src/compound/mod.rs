//! What a compound leaves at run time.

mod held;
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
