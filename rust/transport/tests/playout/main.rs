//! The native playout, on tokio's paused clock: exact times, and no waiting.

mod audio;
mod endings;
mod interruption;
mod order;
mod speech;
mod support;
