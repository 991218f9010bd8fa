//! The tones of a telephone's keys: two sines for each, one for its row and one for its column.

mod detector;
mod goertzel;
mod key;
mod tone;

pub use detector::{DtmfDetector, DtmfEvent};
pub use key::Key;
pub use tone::append_tone;
