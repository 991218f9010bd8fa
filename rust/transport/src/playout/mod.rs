//! Plays one destination of an output: cuts, paces, writes, and keeps the order.
//!
//! ```text
//!   caller's thread                                         media thread
//!   play_audio ──► intake: resample, map, cut ──┐
//!   play_in_turn, end_utterance, finish ────────┼──► state: queue, schedule, speech ◄── player
//!   play_at, interrupt ─────────────────────────┘     (one lock)                        │   │
//!                                                                                  sink ◄┘   └► outlet
//! ```
//!
//! Everything that is not audio waits in the same queue behind the audio that came before it, so
//! that a text frame leaves when its words have been played. The state machine has no clock and
//! does no I/O: the player tells it the time, writes what it says, and tells the outlet.
//!
//! The one invariant: **a chunk is chosen and offered to the sink under one hold of the state's
//! lock**, which an interruption takes as well. So nothing that it dropped is written after it.

mod audio;
mod cutter;
mod handle;
mod intake;
mod outlet;
mod player;
mod queue;
mod schedule;
mod settings;
mod speech;
mod state;
mod timed;
mod turn;

pub use audio::{AudioKind, PlayedAudio, QueuedAudio, Speech};
pub use handle::Playout;
pub use outlet::{Background, Outlet};
pub use settings::{Controls, PlayoutSettings};
