//! WebSockets over real sockets on loopback, and over a pipe where time is paused.

#![expect(clippy::unwrap_used, reason = "what helps a test is one")]

mod bad_peers;
mod echo;
mod properties;
mod server;
mod support;
mod time;
mod tls;
mod wire;
