//! Telnyx's media streams: µ-law, A-law or linear samples in base64, in JSON.
//!
//! Names of encodings are from the view of Telnyx: what it takes in is what the bot says. `L16` has
//! the low byte first, as programs that speak it have found, though RTP's has the high one: that is
//! `L16BE`.

use serde::Deserialize;

use crate::codec::Encoding;
use crate::incoming::{Audio, Incoming};
use crate::json::quoted;
use crate::media_stream::{Dialect, MediaStream, StreamSettings};
use crate::message::Message;
use crate::serializer::{Rates, Serializer, WireError};

/// Settings of a stream.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct TelnyxSettings {
    /// What all streams have.
    #[serde(flatten)]
    pub stream: StreamSettings,
    /// Of audio to Telnyx.
    #[serde(default)]
    pub inbound_encoding: Encoding,
    /// Of audio from Telnyx.
    #[serde(default)]
    pub outbound_encoding: Encoding,
}

/// One stream of Telnyx's.
pub struct Telnyx(MediaStream);

impl Telnyx {
    /// Makes the end of a stream.
    #[must_use]
    pub fn new(settings: TelnyxSettings) -> Self {
        let dialect =
            Dialect { format: "telnyx", call_id: "call_control_id", names_stream: false, played: "mark" };
        let TelnyxSettings { stream, inbound_encoding, outbound_encoding } = settings;
        Self(MediaStream::new(dialect, stream, outbound_encoding, inbound_encoding))
    }
}

impl Serializer for Telnyx {
    fn format(&self) -> &'static str {
        self.0.format()
    }

    fn set_rates(&mut self, rates: Rates) {
        self.0.set_rates(rates);
    }

    fn audio(&mut self, audio: &Audio) -> Result<Option<Message>, WireError> {
        self.0.audio(audio, |_| {
            ("{\"event\": \"media\", \"media\": {\"payload\": \"".to_owned(), "\"}}".to_owned())
        })
    }

    fn interruption(&mut self) -> Option<Message> {
        self.0.interrupt();
        Some(Message::Text("{\"event\": \"clear\"}".to_owned()))
    }

    fn mark(&mut self, name: &str) -> Option<Message> {
        let name = quoted(name);
        Some(Message::Text(format!("{{\"event\": \"mark\", \"mark\": {{\"name\": {name}}}}}")))
    }

    fn application(&mut self, json: &str) -> Option<Message> {
        self.0.application(json)
    }

    fn forget_audio(&mut self) {
        self.0.forget_audio();
    }

    fn decode(&mut self, message: &Message, said: &mut Vec<Incoming>) -> Result<(), WireError> {
        self.0.decode(message, said)
    }
}
