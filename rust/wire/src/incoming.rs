//! What a peer said, whatever the format.

use std::collections::BTreeMap;

use bytes::Bytes;
use pipecat_rs_audio::dtmf::Key;

use crate::message::Message;

/// Audio as the pipeline has it: 16-bit little-endian samples, channels interleaved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// The samples, as bytes.
    pub samples: Bytes,
    /// In Hz.
    pub sample_rate: u32,
    /// How many.
    pub channels: u32,
}

/// What a telephony provider says when a call's media begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamStart {
    /// The provider's id of the media stream.
    pub stream_id: String,
    /// The provider's id of the call.
    pub call_id: String,
    /// Whatever else it said of the call: numbers, headers, the user's own parameters.
    pub facts: BTreeMap<String, String>,
}

/// Something that came from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The user's audio, at the pipeline's rate if the serializer was told of it.
    Audio(Audio),
    /// A key of the telephone.
    Dtmf(Key),
    /// The media stream begins.
    Started(StreamStart),
    /// The peer has played everything up to a mark that was sent to it.
    Played(String),
    /// Text to take as it stands.
    Text(String),
    /// A transcription made by the peer.
    Transcription {
        /// What was said.
        text: String,
        /// By whom.
        user_id: String,
        /// When, as the peer wrote it.
        timestamp: String,
    },
    /// The peer wants what is being said to end.
    Interruption,
    /// A message of the application, as JSON text.
    Application(String),
    /// An answer that the protocol wants sent back at once (a pong, an acknowledgement).
    Reply(Message),
    /// The peer ends the stream.
    Stopped {
        /// Why, as far as it said.
        reason: String,
    },
}
