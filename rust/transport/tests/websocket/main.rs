//! WebSockets over real sockets on loopback, and over a pipe where time is paused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod echo;
mod support;
