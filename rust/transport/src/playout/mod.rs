//! Plays one destination of an output: cuts, paces, writes, and keeps the order.

mod audio;

pub use audio::{AudioKind, PlayedAudio, QueuedAudio, Speech};
