//! Voice activity as Python makes it: the network, a stream of one's own, and the inline processor.

mod activity;
mod lead;
mod model;

pub(crate) use activity::VoiceActivity;
pub(crate) use model::{_close_voice_engines, VoiceModel, VoiceStream};

/// Whole 16-bit samples of bytes; half a one at the end is left out.
fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}
