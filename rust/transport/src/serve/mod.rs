//! Many sessions in one process: a port, and a bot for each peer that is let in.
//!
//! A peer is let in if there is a place for its session, what is served is not late already, and the
//! owner's [`Hooks`] agree. Its connection then goes to the event loop with the fewest sessions among
//! those that answer. `/health`, `/ready` and `/metrics` are answered here, whatever the loops do.
//!
//! A session has its place until its bot has ended: the maximum holds for bots, not for sockets.

mod exposition;
mod front;
mod handover;
mod health;
mod loops;
mod metrics;
mod overload;
mod pulse;
mod server;
mod session;
mod sessions;
mod siblings;

pub use exposition::merge_expositions;
pub use front::{Hooks, Verdict};
pub use health::Health;
pub use loops::SessionLoop;
pub use metrics::Refused;
pub use overload::{Overload, OverloadLimits};
pub use pulse::Pulse;
pub use server::{SessionServer, SessionServerSettings};
pub use session::{Outcome, Session};
