//! Genesys AudioHook: JSON messages of a session with numbers in both directions, and audio as
//! binary messages.

mod opening;
mod session;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

pub use self::opening::{Channels, MediaFormat, Opening};
use self::session::Session;
use crate::codec::{Encoding, Inbound, Outbound, check_whole, trim};
use crate::incoming::{Audio, Incoming, StreamStart};
use crate::json::{Loose, add_facts, clipped, parse};
use crate::limits;
use crate::media_stream::key;
use crate::message::Message;
use crate::serializer::{Rates, Serializer, WireError};

const FORMAT: &str = "genesys";

/// Settings of a session.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct GenesysSettings {
    /// The wire's rate, in Hz.
    pub wire_sample_rate: u32,
    /// The pipeline's input rate if it is to be another one than the pipeline says, in Hz.
    pub sample_rate: Option<u32>,
    /// Which sides of the call are streamed, until the peer says so.
    pub channel: Channels,
    /// How audio is written.
    pub media_format: MediaFormat,
    /// What the answer to the peer's opening says.
    #[serde(flatten)]
    pub opening: Opening,
    /// The session's id until the peer gives one.
    pub session_id: String,
    /// Whether messages of pipecat's own clients are kept off the wire.
    pub ignore_rtvi_messages: bool,
}

impl Default for GenesysSettings {
    fn default() -> Self {
        Self {
            wire_sample_rate: 8000,
            sample_rate: None,
            channel: Channels::default(),
            media_format: MediaFormat::default(),
            opening: Opening::default(),
            session_id: String::new(),
            ignore_rtvi_messages: true,
        }
    }
}

/// One session of Genesys's.
pub struct Genesys {
    settings: GenesysSettings,
    session: Session,
    from_wire: Inbound,
    to_wire: Outbound,
    left: Vec<u8>,
}

/// A message, as far as it is looked at.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    seq: Option<Loose>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    position: Option<Value>,
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
}

impl Genesys {
    /// Makes the end of a session.
    #[must_use]
    pub fn new(settings: GenesysSettings) -> Self {
        let mut from_wire = Inbound::default();
        if let Some(rate) = settings.sample_rate {
            from_wire.set_rate(rate);
        }
        let session = Session::new(settings.session_id.clone(), settings.channel);
        Self { settings, session, from_wire, to_wire: Outbound::default(), left: Vec::new() }
    }

    fn encoding(&self) -> Encoding {
        match self.settings.media_format {
            MediaFormat::Pcmu => Encoding::Ulaw,
            MediaFormat::L16 => Encoding::Linear16,
        }
    }

    /// Of two sides, the external one stands first in each frame; the bot listens to that one.
    fn decode_audio(&mut self, payload: &[u8]) -> Result<Option<Audio>, WireError> {
        if !self.session.open || self.session.paused {
            return Ok(None);
        }
        let (encoding, rate) = (self.encoding(), self.settings.wire_sample_rate);
        let sample = if encoding == Encoding::Linear16 { 2 } else { 1 };
        if self.session.channels != Channels::Both {
            return self.from_wire.decode(FORMAT, encoding, rate, payload);
        }
        check_whole(FORMAT, payload.len(), 2 * sample)?;
        self.left.clear();
        self.left.extend(payload.chunks_exact(2 * sample).flat_map(|frame| &frame[..sample]));
        let heard = self.from_wire.decode(FORMAT, encoding, rate, &self.left);
        trim(&mut self.left);
        heard
    }

    fn decode_control(&mut self, message: &Message, said: &mut Vec<Incoming>) -> Result<(), WireError> {
        limits::check_description(FORMAT, message.len())?;
        let envelope: Envelope<'_> = parse(FORMAT, message)?;
        let text = envelope.parameters.map_or("{}", RawValue::get);
        let parameters: Value =
            serde_json::from_str(text).map_err(|error| WireError::malformed(FORMAT, error))?;
        if !parameters.is_object() {
            return Err(WireError::malformed(FORMAT, "parameters that are no JSON object"));
        }
        let position = envelope.position.as_ref().and_then(Value::as_str);
        let seq = match envelope.seq {
            Some(Loose::Number(seq)) => seq,
            _ => 0,
        };
        self.session.heard(seq, position);
        let reason = || clipped(parameters["reason"].as_str().unwrap_or_default()).to_owned();
        match &*envelope.kind {
            "open" => {
                if let Some(id) = envelope.id.filter(|id| id.len() <= limits::MAX_TEXT) {
                    self.session.id = id;
                }
                self.session.learn(text)?;
                let mut start = StreamStart {
                    stream_id: self.session.id.clone(),
                    call_id: clipped(parameters["conversationId"].as_str().unwrap_or_default()).to_owned(),
                    ..StreamStart::default()
                };
                add_facts(&parameters, &mut start.facts);
                said.push(Incoming::Reply(self.opened(&self.settings.opening.clone())));
                said.push(Incoming::Started(start));
            }
            "close" => {
                let parameters = self.session.closing_parameters();
                said.push(Incoming::Reply(self.session.message("closed", &parameters)));
                said.push(Incoming::Stopped { reason: reason() });
            }
            "ping" => said.push(Incoming::Reply(self.session.message("pong", "{}"))),
            "pause" | "paused" => self.session.paused = true,
            "resume" | "resumed" => self.session.paused = false,
            "update" => self.session.update(text)?,
            "dtmf" => {
                let digit = parameters["digit"].as_str().and_then(key);
                said.extend(digit.map(Incoming::Dtmf));
            }
            _ => {}
        }
        Ok(())
    }

    fn opened(&mut self, opening: &Opening) -> Message {
        let Self { settings, session, .. } = self;
        let parameters =
            opening.parameters(settings.media_format, session.channels, settings.wire_sample_rate);
        session.message("opened", &parameters)
    }
}

impl Serializer for Genesys {
    fn format(&self) -> &'static str {
        FORMAT
    }

    fn set_rates(&mut self, rates: Rates) {
        self.from_wire.set_rate(self.settings.sample_rate.unwrap_or(rates.input));
    }

    fn audio(&mut self, audio: &Audio) -> Result<Option<Message>, WireError> {
        if !self.session.open || self.session.paused {
            return Ok(None);
        }
        let (encoding, rate) = (self.encoding(), self.settings.wire_sample_rate);
        let coded = self.to_wire.encode(FORMAT, encoding, rate, audio)?;
        Ok((!coded.is_empty()).then(|| Message::Binary(coded.to_vec().into())))
    }

    fn interruption(&mut self) -> Option<Message> {
        self.to_wire.reset();
        Some(self.session.message("event", "{\"entities\": [{\"type\": \"barge_in\", \"data\": {}}]}"))
    }

    fn application(&mut self, json: &str) -> Option<Message> {
        // Only what belongs to the protocol: Genesys ends a session that says anything else.
        let message: serde_json::Map<String, Value> = serde_json::from_str(json).ok()?;
        message.contains_key("version").then(|| Message::Text(json.to_owned()))
    }

    fn ending(&mut self) -> Option<Message> {
        let parameters = self.session.ending_parameters();
        Some(self.session.message("disconnect", &parameters))
    }

    /// Kinds are those of the protocol, and `output_variables`, which sends nothing: its parameters
    /// go with the message that ends the session. `opened` takes an [`Opening`].
    fn control(&mut self, kind: &str, parameters: &str) -> Option<Message> {
        match kind {
            "output_variables" => {
                self.session.output_variables = Some(parameters.to_owned());
                None
            }
            "opened" => Some(self.opened(&serde_json::from_str(parameters).ok()?)),
            kind => Some(self.session.message(kind, parameters)),
        }
    }

    fn session(&self) -> Option<String> {
        Some(self.session.describe())
    }

    fn forget_audio(&mut self) {
        self.to_wire.reset();
    }

    fn decode(&mut self, message: &Message, said: &mut Vec<Incoming>) -> Result<(), WireError> {
        limits::check(FORMAT, message)?;
        match message {
            Message::Binary(payload) => said.extend(self.decode_audio(payload)?.map(Incoming::Audio)),
            Message::Text(_) => self.decode_control(message, said)?,
        }
        Ok(())
    }
}
