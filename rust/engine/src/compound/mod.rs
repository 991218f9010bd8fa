//! What a compound leaves at run time.

mod parallel;
mod seen;
mod switch;
mod synchronised;

pub use parallel::{Barrier, Fork, Join};
pub use switch::{Choice, Gate};
pub use synchronised::{Batch, Order, Port, Rendezvous, RendezvousEnd};
