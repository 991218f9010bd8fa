//! What is on the wire between a bot and its peer: one [`Serializer`] for each format.
//!
//! A serializer turns played audio into messages and messages into what the peer said. It has no
//! socket and no clock, so that every parser can be fed anything, and the same one serves a native
//! connection, a Starlette one and a test.
//!
//! Whatever a peer sends, a serializer answers with what it says, with nothing or with an error, and
//! keeps no more of it than a description of the call: nothing here panics or grows.

mod by_name;
mod codec;
mod exotel;
mod genesys;
mod incoming;
mod json;
mod limits;
mod media_stream;
mod message;
mod plivo;
pub mod protobuf;
mod raw_pcm;
mod serializer;
mod telnyx;
mod twilio;
mod vonage;

pub use by_name::{FORMATS, SettingsError, by_name};
pub use codec::Encoding;
pub use exotel::Exotel;
pub use genesys::{Channels, Genesys, GenesysSettings, MediaFormat, Opening};
pub use incoming::{Audio, Incoming, StreamStart};
pub use limits::MAX_MESSAGE;
pub use media_stream::StreamSettings;
pub use message::Message;
pub use plivo::{Plivo, PlivoSettings};
pub use raw_pcm::{RawPcm, RawPcmSettings};
pub use serializer::{Rates, Serializer, WireError};
pub use telnyx::{Telnyx, TelnyxSettings};
pub use twilio::Twilio;
pub use vonage::{Vonage, VonageSettings};
