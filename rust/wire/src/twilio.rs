//! Twilio's media streams: µ-law in base64, in JSON.

use crate::codec::Encoding;
use crate::incoming::{Audio, Incoming};
use crate::json::quoted;
use crate::media_stream::{Dialect, MediaStream, StreamSettings};
use crate::message::Message;
use crate::serializer::{Rates, Serializer, WireError};

/// One stream of Twilio's.
pub struct Twilio(MediaStream);

impl Twilio {
    /// Makes the end of a stream.
    #[must_use]
    pub fn new(settings: StreamSettings) -> Self {
        let dialect = Dialect { format: "twilio", call_id: "callSid", names_stream: true, played: "mark" };
        Self(MediaStream::new(dialect, settings, Encoding::Ulaw, Encoding::Ulaw))
    }

    fn about_stream(&self, event: &str, rest: &str) -> Option<Message> {
        let stream = quoted(self.0.stream_id()?);
        Some(Message::Text(format!("{{\"event\": \"{event}\", \"streamSid\": {stream}{rest}}}")))
    }
}

impl Serializer for Twilio {
    fn format(&self) -> &'static str {
        self.0.format()
    }

    fn set_rates(&mut self, rates: Rates) {
        self.0.set_rates(rates);
    }

    fn audio(&mut self, audio: &Audio) -> Result<Option<Message>, WireError> {
        self.0.audio(audio, |stream| {
            let id = quoted(stream.stream_id().unwrap_or_default());
            let begin = format!("{{\"event\": \"media\", \"streamSid\": {id}, \"media\": {{\"payload\": \"");
            (begin, "\"}}".to_owned())
        })
    }

    fn interruption(&mut self) -> Option<Message> {
        self.0.interrupt();
        self.about_stream("clear", "")
    }

    fn mark(&mut self, name: &str) -> Option<Message> {
        self.about_stream("mark", &format!(", \"mark\": {{\"name\": {}}}", quoted(name)))
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
