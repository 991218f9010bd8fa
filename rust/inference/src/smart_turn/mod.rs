//! End of turn by the smart-turn network: does what was said sound finished?
//!
//! [`Segment`] keeps the audio of a stream that the network would have to hear, [`LogMel`] turns
//! it into what the network takes.

pub mod features;
pub mod latest;
mod segment;

pub use features::LogMel;
pub use segment::{Segment, SegmentParams};
