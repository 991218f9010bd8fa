//! End of turn by the smart-turn network: does what was said sound finished?
//!
//! [`Segment`] keeps the audio of a stream that the network would have to hear. [`SmartTurn`] is
//! the network for all streams of a process, on threads of its own: a [`Stream`] asks it without
//! waiting. On the way [`LogMel`] turns audio into what the network takes.

mod error;
pub mod features;
mod latest;
mod model;
mod network;
mod resample;
mod segment;

pub use error::TurnError;
pub use features::LogMel;
pub use model::{Answer, Judgement, SmartTurn, Stream};
pub use network::Network;
pub use segment::{Segment, SegmentParams};
