//! The native playout, on tokio's paused clock: exact times, and no waiting.

#![expect(clippy::unwrap_used, reason = "what helps a test is one")]

mod audio;
mod endings;
mod interruption;
mod order;
mod races;
mod random;
mod speech;
mod support;
