//! pipecat's `frames.proto`, as binary messages: what its clients for browsers and phones speak.
//!
//! The messages are written by hand with the field numbers of that file, so that no compiler for it
//! is needed.

use bytes::Bytes;
use prost::Message as _;
use serde::Deserialize;

use crate::codec::Inbound;
use crate::incoming::{Audio, Incoming};
use crate::json::is_rtvi;
use crate::limits;
use crate::message::Message;
use crate::serializer::{Rates, Serializer, WireError};

const FORMAT: &str = "protobuf";

/// Text.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct TextFrame {
    /// The frame's number.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// The frame's name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// The text.
    #[prost(string, tag = "3")]
    pub text: String,
}

/// Audio, as 16-bit linear samples.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AudioRawFrame {
    /// The frame's number.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// The frame's name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// The samples; a message's own bytes, without a copy.
    #[prost(bytes = "bytes", tag = "3")]
    pub audio: Bytes,
    /// In Hz.
    #[prost(uint32, tag = "4")]
    pub sample_rate: u32,
    /// How many.
    #[prost(uint32, tag = "5")]
    pub num_channels: u32,
    /// When it is to be played, in nanoseconds.
    #[prost(uint64, optional, tag = "6")]
    pub pts: Option<u64>,
}

/// A transcription.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct TranscriptionFrame {
    /// The frame's number.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// The frame's name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// What was said.
    #[prost(string, tag = "3")]
    pub text: String,
    /// By whom.
    #[prost(string, tag = "4")]
    pub user_id: String,
    /// When.
    #[prost(string, tag = "5")]
    pub timestamp: String,
}

/// A message of the application.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct MessageFrame {
    /// JSON text.
    #[prost(string, tag = "1")]
    pub data: String,
}

/// The user speaks, or is to be heard.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct InterruptionFrame {
    /// The frame's number.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// The frame's name.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// Any of them.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum Kind {
    /// Text.
    #[prost(message, tag = "1")]
    Text(TextFrame),
    /// Audio.
    #[prost(message, tag = "2")]
    Audio(AudioRawFrame),
    /// A transcription.
    #[prost(message, tag = "3")]
    Transcription(TranscriptionFrame),
    /// A message of the application.
    #[prost(message, tag = "4")]
    Message(MessageFrame),
    /// An interruption.
    #[prost(message, tag = "5")]
    Interruption(InterruptionFrame),
}

/// What a binary message is.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Frame {
    /// Which, or none that is known.
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5")]
    pub frame: Option<Kind>,
}

/// A message with a frame in it.
#[must_use]
pub fn encode(frame: Kind) -> Bytes {
    Frame { frame: Some(frame) }.encode_to_vec().into()
}

/// What a message has in it.
///
/// # Errors
/// If it does not parse, or is too long.
pub fn decode(message: Bytes) -> Result<Option<Kind>, WireError> {
    let message = Message::Binary(message);
    limits::check(FORMAT, &message)?;
    let Message::Binary(bytes) = message else { return Ok(None) };
    Frame::decode(bytes).map(|frame| frame.frame).map_err(|error| WireError::malformed(FORMAT, error))
}

/// Settings of a stream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProtobufSettings {
    /// The pipeline's input rate if it is to be another one than the pipeline says, in Hz.
    pub sample_rate: Option<u32>,
    /// Whether messages of pipecat's own clients are kept off the wire. They are what most of it is
    /// for.
    pub ignore_rtvi_messages: bool,
}

/// One stream of frames.
pub struct Protobuf {
    settings: ProtobufSettings,
    from_wire: Inbound,
}

impl Protobuf {
    /// Makes the end of a stream.
    #[must_use]
    pub fn new(settings: ProtobufSettings) -> Self {
        let mut from_wire = Inbound::default();
        if let Some(rate) = settings.sample_rate {
            from_wire.set_rate(rate);
        }
        Self { settings, from_wire }
    }

    fn decode_audio(&mut self, frame: AudioRawFrame) -> Result<Option<Audio>, WireError> {
        let AudioRawFrame { audio: samples, sample_rate, num_channels: channels, .. } = frame;
        if sample_rate == 0 || !(1..=8).contains(&channels) {
            let what = format!("audio of {sample_rate} Hz and {channels} channels");
            return Err(WireError::malformed(FORMAT, what));
        }
        self.from_wire.decode_linear(FORMAT, Audio { samples, sample_rate, channels })
    }
}

impl Serializer for Protobuf {
    fn format(&self) -> &'static str {
        FORMAT
    }

    fn set_rates(&mut self, rates: Rates) {
        self.from_wire.set_rate(self.settings.sample_rate.unwrap_or(rates.input));
    }

    fn audio(&mut self, audio: &Audio) -> Result<Option<Message>, WireError> {
        let frame = AudioRawFrame {
            audio: audio.samples.clone(),
            sample_rate: audio.sample_rate,
            num_channels: audio.channels,
            ..AudioRawFrame::default()
        };
        Ok((!audio.samples.is_empty()).then(|| Message::Binary(encode(Kind::Audio(frame)))))
    }

    fn interruption(&mut self) -> Option<Message> {
        Some(Message::Binary(encode(Kind::Interruption(InterruptionFrame::default()))))
    }

    fn application(&mut self, json: &str) -> Option<Message> {
        let kept = !(self.settings.ignore_rtvi_messages && is_rtvi(json));
        kept.then(|| Message::Binary(encode(Kind::Message(MessageFrame { data: json.to_owned() }))))
    }

    fn decode(&mut self, message: &Message, said: &mut Vec<Incoming>) -> Result<(), WireError> {
        let Message::Binary(bytes) = message else {
            return Err(WireError::malformed(FORMAT, "a text message, where frames are binary"));
        };
        match decode(bytes.clone())? {
            Some(Kind::Text(frame)) => said.push(Incoming::Text(frame.text)),
            Some(Kind::Audio(frame)) => said.extend(self.decode_audio(frame)?.map(Incoming::Audio)),
            Some(Kind::Transcription(TranscriptionFrame { text, user_id, timestamp, .. })) => {
                said.push(Incoming::Transcription { text, user_id, timestamp });
            }
            Some(Kind::Message(MessageFrame { data })) => {
                serde_json::from_str::<serde::de::IgnoredAny>(&data)
                    .map_err(|error| WireError::malformed(FORMAT, error))?;
                said.push(Incoming::Application(data));
            }
            Some(Kind::Interruption(_)) => said.push(Incoming::Interruption),
            None => return Err(WireError::malformed(FORMAT, "no frame of a known kind")),
        }
        Ok(())
    }
}
