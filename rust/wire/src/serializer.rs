//! The trait that every wire format implements.

use std::fmt::Display;

use pipecat_rs_audio::dtmf::Key;
use thiserror::Error;

use crate::incoming::{Audio, Incoming};
use crate::message::Message;

/// The pipeline's sample rates, in Hz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Of audio that comes from the user.
    pub input: u32,
    /// Of audio that is played.
    pub output: u32,
}

/// A message that cannot be what its format says it is.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WireError {
    /// It does not parse.
    #[error("{format}: {what}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// What is wrong, and where.
        what: String,
    },
    /// It is longer than anything that the format has a use for.
    #[error("{format}: a message of {size} bytes, where {limit} are the most")]
    TooLarge {
        /// The format.
        format: &'static str,
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// It is well formed, and of a kind that cannot be carried: a rate, a number of channels.
    #[error("{format}: {what}")]
    Unsupported {
        /// The format.
        format: &'static str,
        /// What cannot be carried, and what can.
        what: String,
    },
}

impl WireError {
    pub(crate) fn malformed(format: &'static str, what: impl Display) -> Self {
        Self::Malformed { format, what: what.to_string() }
    }
}

/// One end of one stream in one format. It may keep state: a resampler, the stream's id.
pub trait Serializer: Send {
    /// The format's name, for logs.
    fn format(&self) -> &'static str;

    /// Learn the pipeline's rates, before anything else.
    fn set_rates(&mut self, rates: Rates);

    /// The message that carries audio to the peer. `None`: it is to be sent later with more, or
    /// the format cannot carry it yet (a stream that has not begun).
    ///
    /// # Errors
    /// If the audio cannot be carried at all.
    fn audio(&mut self, audio: &Audio) -> Result<Option<Message>, WireError>;

    /// The message that makes the peer drop what it has not played yet.
    fn interruption(&mut self) -> Option<Message> {
        None
    }

    /// The message after which the peer says that it has played everything up to here.
    fn mark(&mut self, name: &str) -> Option<Message> {
        let _no_marks = name;
        None
    }

    /// The message that has the peer press a key. `None`: the format has none, and the tone itself
    /// is to be sent as audio.
    fn dtmf(&mut self, key: Key) -> Option<Message> {
        let _no_keys = key;
        None
    }

    /// The message that carries a message of the application, given as JSON text.
    fn application(&mut self, json: &str) -> Option<Message> {
        let _no_messages = json;
        None
    }

    /// The message that says that this side ends the stream, before it closes the connection.
    fn ending(&mut self) -> Option<Message> {
        None
    }

    /// A message of the format's own protocol, with what it says as JSON text.
    fn control(&mut self, kind: &str, parameters: &str) -> Option<Message> {
        let _no_protocol = (kind, parameters);
        None
    }

    /// What is known of the session, as JSON text, in formats that have one.
    fn session(&self) -> Option<String> {
        None
    }

    /// There was a gap in the audio to the peer: what a resampler still holds is from before it.
    fn forget_audio(&mut self) {}

    /// What a message of the peer says, in order. A message of a kind that is not known says nothing.
    ///
    /// # Errors
    /// If the message is malformed or too large. The stream goes on with the next one.
    fn decode(&mut self, message: &Message, said: &mut Vec<Incoming>) -> Result<(), WireError>;
}
