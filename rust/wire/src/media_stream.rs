//! What the media streams of Twilio, Telnyx, Plivo and Exotel have in common: JSON messages with an
//! `event`, audio in base64 under `media.payload`, and a `start` that names the stream and the call.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use pipecat_rs_audio::dtmf::Key;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::codec::{Encoding, Inbound, Outbound, trim};
use crate::incoming::{Audio, Incoming, StreamStart};
use crate::json::{Loose, add_facts, clipped, is_rtvi, parse};
use crate::limits;
use crate::message::Message;
use crate::serializer::{Rates, WireError};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Settings that all of these formats take.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct StreamSettings {
    /// The stream's id; taken from its start if it is not given.
    #[serde(alias = "stream_sid")]
    pub stream_id: Option<String>,
    /// The wire's rate, in Hz.
    pub wire_sample_rate: u32,
    /// The pipeline's input rate if it is to be another one than the pipeline says, in Hz.
    pub sample_rate: Option<u32>,
    /// Whether messages of pipecat's own clients are kept off the wire.
    pub ignore_rtvi_messages: bool,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self { stream_id: None, wire_sample_rate: 8000, sample_rate: None, ignore_rtvi_messages: true }
    }
}

/// What one provider says in its own way.
pub(crate) struct Dialect {
    pub(crate) format: &'static str,
    /// Names of the call's id in `start`.
    pub(crate) call_id: &'static str,
    /// Whether a message to the peer names the stream, so that nothing can be sent before its start.
    pub(crate) names_stream: bool,
    /// The event that says that a mark was reached.
    pub(crate) played: &'static str,
}

/// A message, as far as it is looked at. Audio stays where it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    event: Cow<'a, str>,
    #[serde(borrow, default, alias = "streamSid", alias = "stream_sid", alias = "streamId")]
    stream_id: Cow<'a, str>,
    #[serde(borrow, default)]
    media: Option<Media<'a>>,
    #[serde(default)]
    dtmf: Option<Dtmf>,
    #[serde(borrow, default)]
    mark: Option<Mark<'a>>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    start: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stop: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Media<'a> {
    #[serde(borrow, default)]
    payload: Cow<'a, str>,
    #[serde(borrow, default)]
    track: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Dtmf {
    #[serde(default)]
    digit: Option<Loose>,
}

#[derive(Deserialize)]
struct Mark<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
}

/// One stream, whatever the dialect.
pub(crate) struct MediaStream {
    dialect: Dialect,
    pub(crate) settings: StreamSettings,
    pub(crate) inbound: Encoding,
    pub(crate) outbound: Encoding,
    from_wire: Inbound,
    to_wire: Outbound,
    payload: Vec<u8>,
}

impl MediaStream {
    pub(crate) fn new(
        dialect: Dialect,
        settings: StreamSettings,
        inbound: Encoding,
        outbound: Encoding,
    ) -> Self {
        let mut from_wire = Inbound::default();
        if let Some(rate) = settings.sample_rate {
            from_wire.set_rate(rate);
        }
        let (to_wire, payload) = (Outbound::default(), Vec::new());
        Self { dialect, settings, inbound, outbound, from_wire, to_wire, payload }
    }

    pub(crate) fn format(&self) -> &'static str {
        self.dialect.format
    }

    pub(crate) fn set_rates(&mut self, rates: Rates) {
        self.from_wire.set_rate(self.settings.sample_rate.unwrap_or(rates.input));
    }

    /// The stream's id, once it is known.
    pub(crate) fn stream_id(&self) -> Option<&str> {
        self.settings.stream_id.as_deref()
    }

    /// The message around audio in base64: what comes before it and what after.
    pub(crate) fn audio(
        &mut self,
        audio: &Audio,
        around: impl FnOnce(&Self) -> (String, String),
    ) -> Result<Option<Message>, WireError> {
        if self.dialect.names_stream && self.settings.stream_id.is_none() {
            return Ok(None);
        }
        let (format, rate) = (self.dialect.format, self.settings.wire_sample_rate);
        let coded = self.to_wire.encode(format, self.outbound, rate, audio)?.len();
        if coded == 0 {
            return Ok(None);
        }
        let (mut text, end) = around(self);
        text.reserve(coded.div_ceil(3) * 4 + end.len());
        BASE64.encode_string(self.to_wire.coded(), &mut text);
        text.push_str(&end);
        Ok(Some(Message::Text(text)))
    }

    /// What was to be played is over: a resampler must not say the end of it before what comes next.
    pub(crate) fn interrupt(&mut self) {
        self.to_wire.reset();
    }

    pub(crate) fn forget_audio(&mut self) {
        self.to_wire.reset();
    }

    pub(crate) fn application(&self, json: &str) -> Option<Message> {
        let kept = !(self.settings.ignore_rtvi_messages && is_rtvi(json));
        kept.then(|| Message::Text(json.to_owned()))
    }

    pub(crate) fn decode(&mut self, message: &Message, said: &mut Vec<Incoming>) -> Result<(), WireError> {
        let format = self.dialect.format;
        limits::check(format, message)?;
        let envelope: Envelope<'_> = parse(format, message)?;
        match &*envelope.event {
            "media" => self.decode_media(&envelope, said)?,
            "start" => {
                let start = self.decode_start(&envelope)?;
                said.push(Incoming::Started(start));
            }
            "stop" => said.push(Incoming::Stopped { reason: stop_reason(format, envelope.stop)? }),
            "dtmf" => {
                let digit = envelope.dtmf.and_then(|dtmf| dtmf.digit).map(|digit| digit.text());
                said.extend(digit.as_deref().and_then(key).map(Incoming::Dtmf));
            }
            event if event == self.dialect.played => {
                let name = envelope.mark.map_or(envelope.name, |mark| mark.name);
                said.push(Incoming::Played(clipped(&name).to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    fn decode_media(&mut self, envelope: &Envelope<'_>, said: &mut Vec<Incoming>) -> Result<(), WireError> {
        let format = self.dialect.format;
        let Some(media) = &envelope.media else { return Ok(()) };
        // With both tracks streamed, the other one is the bot itself.
        if media.payload.is_empty() || matches!(&*media.track, "outbound" | "outbound_track") {
            return Ok(());
        }
        match self.stream_id() {
            None => return Ok(()), // not begun
            Some(ours) if envelope.stream_id.is_empty() || envelope.stream_id == ours => {}
            Some(_) => return Err(WireError::malformed(format, "audio of another stream")),
        }
        self.payload.clear();
        BASE64.decode_vec(media.payload.as_bytes(), &mut self.payload).map_err(|error| {
            WireError::malformed(format, format_args!("the payload is no base64: {error}"))
        })?;
        let rate = self.settings.wire_sample_rate;
        let heard = self.from_wire.decode(format, self.inbound, rate, &self.payload);
        trim(&mut self.payload);
        said.extend(heard?.map(Incoming::Audio));
        Ok(())
    }

    fn decode_start(&mut self, envelope: &Envelope<'_>) -> Result<StreamStart, WireError> {
        let format = self.dialect.format;
        let text = envelope.start.map_or("{}", RawValue::get);
        limits::check_description(format, text.len())?;
        let start: Value = serde_json::from_str(text).map_err(|error| WireError::malformed(format, error))?;
        let named = |names: &[&str]| names.iter().find_map(|name| start[*name].as_str());
        let inside = named(&["streamSid", "stream_sid", "streamId", "stream_id"]).unwrap_or_default();
        let stream_id = if envelope.stream_id.is_empty() { inside } else { &*envelope.stream_id };
        if stream_id.is_empty() || stream_id.len() > limits::MAX_TEXT {
            return Err(WireError::malformed(format, "a start without the stream's id"));
        }
        match self.stream_id() {
            None => self.settings.stream_id = Some(stream_id.to_owned()),
            Some(ours) if ours == stream_id => {}
            Some(_) => return Err(WireError::malformed(format, "a start of another stream")),
        }
        let call_id = clipped(named(&[self.dialect.call_id]).unwrap_or_default()).to_owned();
        let mut begun = StreamStart { stream_id: stream_id.to_owned(), call_id, ..StreamStart::default() };
        add_facts(&start, &mut begun.facts);
        Ok(begun)
    }
}

/// A key by what is written on it.
pub(crate) fn key(label: &str) -> Option<Key> {
    let mut characters = label.chars();
    let first = characters.next()?;
    characters.next().is_none().then(|| Key::from_label(first)).flatten()
}

fn stop_reason(format: &'static str, stop: Option<&RawValue>) -> Result<String, WireError> {
    #[derive(Deserialize)]
    struct Stop {
        #[serde(default)]
        reason: Value,
    }
    let text = stop.map_or("{}", RawValue::get);
    limits::check_description(format, text.len())?;
    // Some say why, others only which call it was.
    let reason =
        serde_json::from_str(text).ok().and_then(|stop: Stop| stop.reason.as_str().map(str::to_owned));
    Ok(reason.map_or_else(String::new, |reason| clipped(&reason).to_owned()))
}
