//! Plivo's audio streams: µ-law or linear samples in base64, in JSON.

use pipecat_rs_audio::dtmf::Key;
use serde::Deserialize;

use crate::codec::Encoding;
use crate::incoming::{Audio, Incoming};
use crate::json::quoted;
use crate::media_stream::{Dialect, MediaStream, StreamSettings};
use crate::message::Message;
use crate::serializer::{Rates, Serializer, WireError};

/// Settings of a stream.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PlivoSettings {
    /// What all streams have.
    #[serde(flatten)]
    pub stream: StreamSettings,
    /// Of audio in both directions.
    #[serde(default)]
    pub encoding: Encoding,
}

/// One stream of Plivo's.
pub struct Plivo(MediaStream);

impl Plivo {
    /// Makes the end of a stream.
    #[must_use]
    pub fn new(settings: PlivoSettings) -> Self {
        let dialect =
            Dialect { format: "plivo", call_id: "callId", names_stream: true, played: "playedStream" };
        Self(MediaStream::new(dialect, settings.stream, settings.encoding, settings.encoding))
    }
}

fn content_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Ulaw => "audio/x-mulaw",
        Encoding::Alaw => "audio/x-alaw",
        Encoding::Linear16 | Encoding::Linear16BigEndian => "audio/x-l16",
    }
}

impl Serializer for Plivo {
    fn format(&self) -> &'static str {
        self.0.format()
    }

    fn set_rates(&mut self, rates: Rates) {
        self.0.set_rates(rates);
    }

    fn audio(&mut self, audio: &Audio) -> Result<Option<Message>, WireError> {
        self.0.audio(audio, |stream| {
            let id = quoted(stream.stream_id().unwrap_or_default());
            let (content, rate) = (content_type(stream.outbound), stream.settings.wire_sample_rate);
            let begin = format!(
                "{{\"event\": \"playAudio\", \"media\": {{\"contentType\": \"{content}\", \"sampleRate\": {rate}, \
                 \"payload\": \""
            );
            (begin, format!("\"}}, \"streamId\": {id}}}"))
        })
    }

    fn interruption(&mut self) -> Option<Message> {
        self.0.interrupt();
        let id = quoted(self.0.stream_id()?);
        Some(Message::Text(format!("{{\"event\": \"clearAudio\", \"streamId\": {id}}}")))
    }

    fn mark(&mut self, name: &str) -> Option<Message> {
        let (id, name) = (quoted(self.0.stream_id()?), quoted(name));
        Some(Message::Text(format!("{{\"event\": \"checkpoint\", \"streamId\": {id}, \"name\": {name}}}")))
    }

    fn dtmf(&mut self, key: Key) -> Option<Message> {
        Some(Message::Text(format!("{{\"event\": \"sendDTMF\", \"dtmf\": \"{key}\"}}")))
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
