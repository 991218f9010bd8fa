//! The frame engine of pipecat_rs.
//!
//! A pipeline is a graph of nodes; a node has a seat, and in it sits a native inline processor (a
//! hop is a function call), a native worker with a task of its own, or a *foreign* processor that a
//! host steps on its loop. The engine knows the host as [`Host`] only: it moves opaque objects
//! between mailboxes and says whose turn it is. So everything here runs under cargo alone, with a
//! mock host and time as an argument.
//!
//! The one rule: **what belongs to the loop's thread is in [`Scheduler`], and everything else may be
//! called from any thread without waiting.** A hop between two foreign processors takes no lock; a
//! worker reaches them through the [`Inbox`].

mod compound;
mod epoch;
mod frame;
mod gauge;
mod graph;
mod host;
mod inbox;
mod inline;
mod interest;
mod lease;
mod mailbox;
#[cfg(all(test, engine_loom))]
mod models;
mod schedule;
mod sync;
mod task;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use compound::{Choice, Order};
pub use epoch::{Epoch, EpochCounter};
pub use frame::{Bits, Class, Direction, Frame, Kind, NativeFrame, Payload, new_identity};
pub use gauge::{Gauge, LaneReading};
pub use graph::{Edge, Emit, Graph, Layout, Link, Node, Outlet, Pusher, Seat, Tap, Worker};
pub use host::{Bell, Host};
pub use inbox::{Failure, Inbox, Post};
pub use inline::{Inline, InlineSeat};
pub use interest::Interest;
pub use lease::Leases;
pub use mailbox::{Lane, Mailbox, Waiting};
pub use schedule::{Hop, Pushed, Scheduler, Step};
pub use task::{Action, Admission, Limits, Progress, State, TaskMachine};
