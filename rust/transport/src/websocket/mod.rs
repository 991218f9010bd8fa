//! WebSocket connections without Python: a server, a client, and what either makes of a socket.
//!
//! A [`Connection`] is one task that reads and writes in turn. What is sent waits in a bounded queue,
//! so that an interruption can take it back; a batch of it becomes one write. Every wait has an end
//! ([`Limits`]), and every end is told once ([`Closed`]).
//!
//! A [`Server`] has one port for WebSockets and for small HTTP requests. [`WireSink`] and
//! [`WireReceiver`] put a format ([`pipecat_rs_wire::Serializer`]) on a connection.

mod capacity;
mod client;
mod closed;
mod connection;
mod driver;
mod handshake;
mod limits;
mod queue;
mod rate;
mod request;
mod server;
mod stream;
mod tls;
mod watchdog;
mod wire;

pub use client::{ConnectError, connect};
pub use closed::{Closed, ClosedBy};
pub use connection::{Connection, Receiver, Role, SendError, Stats};
pub use limits::Limits;
pub use request::{Admission, BoxFuture, Handler, Request, Response};
pub use server::{Server, ServerSettings, ServerStats};
pub use tls::{ClientTls, ServerTls, TlsError};
pub use wire::{Listener, SharedSerializer, WireReceiver, WireSink, share};
