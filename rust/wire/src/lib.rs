//! What is on the wire between a bot and its peer: one [`Serializer`] for each format.
//!
//! A serializer turns played audio into messages and messages into what the peer said. It has no
//! socket and no clock, so that every parser can be fed anything, and the same one serves a native
//! connection, a Starlette one and a test.

mod incoming;
mod message;
mod serializer;

pub use incoming::{Audio, Incoming, StreamStart};
pub use message::Message;
pub use serializer::{Rates, Serializer, WireError};
