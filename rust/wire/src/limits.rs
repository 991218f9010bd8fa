//! How much of anything a peer may send.

use crate::message::Message;
use crate::serializer::WireError;

/// The longest message that is looked at, in bytes: 30 s of 16 kHz, or what a browser's client sends
/// at once. A telephone's are below a kilobyte.
pub const MAX_MESSAGE: usize = 1 << 20;

/// The longest message that describes a call rather than carrying audio, in bytes.
pub(crate) const MAX_DESCRIPTION: usize = 1 << 16;
/// The longest text that is kept: an id, a name, a value, in bytes.
pub(crate) const MAX_TEXT: usize = 4096;
/// Facts of a call that are kept.
pub(crate) const MAX_FACTS: usize = 128;
/// So often a peer may change what its audio is, each time at the cost of a new resampler.
pub(crate) const MAX_RATE_CHANGES: u32 = 16;

pub(crate) fn check(format: &'static str, message: &Message) -> Result<(), WireError> {
    match message.len() {
        0..=MAX_MESSAGE => Ok(()),
        size => Err(WireError::TooLarge { format, size, limit: MAX_MESSAGE }),
    }
}

pub(crate) fn check_description(format: &'static str, size: usize) -> Result<(), WireError> {
    match size {
        0..=MAX_DESCRIPTION => Ok(()),
        _ => Err(WireError::TooLarge { format, size, limit: MAX_DESCRIPTION }),
    }
}
