//! The trait that every wire format implements.

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

    /// The message that carries a message of the application, given as JSON text.
    fn application(&mut self, json: &str) -> Option<Message> {
        let _no_messages = json;
        None
    }

    /// What a message of the peer says, in order. A message of a kind that is not known says nothing.
    ///
    /// # Errors
    /// If the message is malformed or too large. The stream goes on with the next one.
    fn decode(&mut self, message: &Message, said: &mut Vec<Incoming>) -> Result<(), WireError>;
}
