//! Vonage's audio connector and voice WebSockets: 16-bit linear samples as binary messages, events
//! and commands as JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::codec::{Encoding, Inbound, Outbound};
use crate::incoming::{Audio, Incoming, StreamStart};
use crate::json::{Loose, add_facts, clipped, is_rtvi, parse, quoted};
use crate::limits;
use crate::media_stream::key;
use crate::message::Message;
use crate::serializer::{Rates, Serializer, WireError};

const FORMAT: &str = "vonage";

/// Settings of a stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct VonageSettings {
    /// The wire's rate, in Hz: 8000, 16000 or 24000.
    pub wire_sample_rate: u32,
    /// The pipeline's input rate if it is to be another one than the pipeline says, in Hz.
    pub sample_rate: Option<u32>,
    /// Whether messages of pipecat's own clients are kept off the wire.
    pub ignore_rtvi_messages: bool,
}

impl Default for VonageSettings {
    fn default() -> Self {
        Self { wire_sample_rate: 16000, sample_rate: None, ignore_rtvi_messages: true }
    }
}

/// One stream of Vonage's.
pub struct Vonage {
    settings: VonageSettings,
    from_wire: Inbound,
    to_wire: Outbound,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    event: Cow<'a, str>,
    #[serde(default)]
    digit: Option<Loose>,
    #[serde(default)]
    dtmf: Option<Dtmf>,
}

#[derive(Deserialize)]
struct Dtmf {
    #[serde(default)]
    digit: Option<Loose>,
}

impl Vonage {
    /// Makes the end of a stream.
    #[must_use]
    pub fn new(settings: VonageSettings) -> Self {
        let mut from_wire = Inbound::default();
        if let Some(rate) = settings.sample_rate {
            from_wire.set_rate(rate);
        }
        Self { settings, from_wire, to_wire: Outbound::default() }
    }
}

impl Serializer for Vonage {
    fn format(&self) -> &'static str {
        FORMAT
    }

    fn set_rates(&mut self, rates: Rates) {
        self.from_wire.set_rate(self.settings.sample_rate.unwrap_or(rates.input));
    }

    fn audio(&mut self, audio: &Audio) -> Result<Option<Message>, WireError> {
        let rate = self.settings.wire_sample_rate;
        let coded = self.to_wire.encode(FORMAT, Encoding::Linear16, rate, audio)?;
        Ok((!coded.is_empty()).then(|| Message::Binary(coded.to_vec().into())))
    }

    fn interruption(&mut self) -> Option<Message> {
        self.to_wire.reset();
        Some(Message::Text("{\"action\": \"clear\"}".to_owned()))
    }

    fn mark(&mut self, name: &str) -> Option<Message> {
        let name = quoted(name);
        Some(Message::Text(format!("{{\"action\": \"notify\", \"payload\": {{\"mark\": {name}}}}}")))
    }

    fn application(&mut self, json: &str) -> Option<Message> {
        let kept = !(self.settings.ignore_rtvi_messages && is_rtvi(json));
        kept.then(|| Message::Text(json.to_owned()))
    }

    fn forget_audio(&mut self) {
        self.to_wire.reset();
    }

    fn decode(&mut self, message: &Message, said: &mut Vec<Incoming>) -> Result<(), WireError> {
        limits::check(FORMAT, message)?;
        if let Message::Binary(samples) = message {
            let rate = self.settings.wire_sample_rate;
            let heard = self.from_wire.decode(FORMAT, Encoding::Linear16, rate, samples)?;
            said.extend(heard.map(Incoming::Audio));
            return Ok(());
        }
        limits::check_description(FORMAT, message.len())?;
        let event: Event<'_> = parse(FORMAT, message)?;
        match &*event.event {
            "websocket:connected" => {
                let mut start = StreamStart::default();
                add_facts(&parse(FORMAT, message)?, &mut start.facts);
                said.push(Incoming::Started(start));
            }
            "websocket:dtmf" => {
                let digit = event.digit.or_else(|| event.dtmf.and_then(|dtmf| dtmf.digit));
                said.extend(digit.and_then(|digit| key(&digit.text())).map(Incoming::Dtmf));
            }
            "websocket:notify" => {
                let notice: Value = parse(FORMAT, message)?;
                let mark = notice["payload"]["mark"].as_str();
                said.extend(mark.map(|name| Incoming::Played(clipped(name).to_owned())));
            }
            _ => {}
        }
        Ok(())
    }
}
