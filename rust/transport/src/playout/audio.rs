//! Audio before and after it is played.

use std::sync::Arc;

use bytes::Bytes;
use pipecat_engine::Epoch;

/// What audio is, by its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioKind {
    /// Any.
    Plain,
    /// Speech from a text-to-speech service, which says when it is over.
    Tts,
    /// An unbroken stream of speech, with silence in it.
    Speech,
}

/// A chunk that was played.
#[derive(Clone, Debug)]
pub struct PlayedAudio {
    /// 16-bit little-endian samples at the playout's rate.
    pub samples: Bytes,
    /// What it is.
    pub kind: AudioKind,
    /// The synthesis request that it belongs to.
    pub context: Option<Arc<str>>,
}

/// Audio to be played.
#[derive(Clone, Debug)]
pub struct QueuedAudio {
    /// 16-bit little-endian samples, channels interleaved.
    pub samples: Bytes,
    /// In Hz.
    pub sample_rate: u32,
    /// How many.
    pub channels: u32,
    /// What it is.
    pub kind: AudioKind,
    /// Whether an interruption drops it.
    pub interruptible: bool,
    /// The synthesis request that it belongs to.
    pub context: Option<Arc<str>>,
    /// The epoch it was made in.
    pub epoch: Epoch,
}

/// What the bot's voice does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// It has begun.
    Started,
    /// It goes on.
    Speaking,
    /// It has ended.
    Stopped,
}
