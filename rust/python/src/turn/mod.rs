//! End of turn as Python makes it: the network, a stream's way to it, and the audio that it judges.

mod model;
mod segment;

pub(crate) use model::{SmartTurnModel, SmartTurnStream, TurnAnswer};
pub(crate) use segment::SpeechSegment;
