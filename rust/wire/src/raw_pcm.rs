//! Nothing but samples: 16-bit linear audio as binary messages, and messages of the application as
//! text.

use bytes::Bytes;
use serde::Deserialize;

use crate::codec::{Encoding, Inbound, Outbound};
use crate::incoming::{Audio, Incoming};
use crate::json::is_rtvi;
use crate::limits;
use crate::message::Message;
use crate::serializer::{Rates, Serializer, WireError};

const FORMAT: &str = "raw_pcm";

/// Settings of a stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct RawPcmSettings {
    /// The wire's rate, in Hz; the pipeline's rates if it is not given.
    pub wire_sample_rate: Option<u32>,
    /// Channels of audio from the peer. What it gets has one, unless the rates are equal.
    pub channels: u32,
    /// The pipeline's input rate if it is to be another one than the pipeline says, in Hz.
    pub sample_rate: Option<u32>,
    /// Whether messages of pipecat's own clients are kept off the wire.
    pub ignore_rtvi_messages: bool,
}

impl Default for RawPcmSettings {
    fn default() -> Self {
        Self { wire_sample_rate: None, channels: 1, sample_rate: None, ignore_rtvi_messages: false }
    }
}

/// One stream of samples.
pub struct RawPcm {
    settings: RawPcmSettings,
    rates: Option<Rates>,
    from_wire: Inbound,
    to_wire: Outbound,
}

impl RawPcm {
    /// Makes the end of a stream.
    #[must_use]
    pub fn new(settings: RawPcmSettings) -> Self {
        let mut from_wire = Inbound::default();
        if let Some(rate) = settings.sample_rate {
            from_wire.set_rate(rate);
        }
        Self { settings, rates: None, from_wire, to_wire: Outbound::default() }
    }

    fn decode_audio(&mut self, samples: &Bytes) -> Result<Option<Audio>, WireError> {
        let channels = self.settings.channels;
        let rate = self.settings.wire_sample_rate.or(self.rates.map(|rates| rates.input));
        let (Some(sample_rate), 1..) = (rate, channels) else {
            let what = "neither the settings nor the pipeline say the audio's rate, or it has no channels";
            return Err(WireError::Unsupported { format: FORMAT, what: what.to_owned() });
        };
        self.from_wire.decode_linear(FORMAT, Audio { samples: samples.clone(), sample_rate, channels })
    }
}

impl Serializer for RawPcm {
    fn format(&self) -> &'static str {
        FORMAT
    }

    fn set_rates(&mut self, rates: Rates) {
        self.rates = Some(rates);
        self.from_wire.set_rate(self.settings.sample_rate.unwrap_or(rates.input));
    }

    fn audio(&mut self, audio: &Audio) -> Result<Option<Message>, WireError> {
        let rate = self.settings.wire_sample_rate.unwrap_or(audio.sample_rate);
        if rate == audio.sample_rate {
            return Ok((!audio.samples.is_empty()).then(|| Message::Binary(audio.samples.clone())));
        }
        let coded = self.to_wire.encode(FORMAT, Encoding::Linear16, rate, audio)?;
        Ok((!coded.is_empty()).then(|| Message::Binary(coded.to_vec().into())))
    }

    fn interruption(&mut self) -> Option<Message> {
        self.to_wire.reset();
        None
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
        match message {
            Message::Binary(samples) => said.extend(self.decode_audio(samples)?.map(Incoming::Audio)),
            Message::Text(json) => {
                serde_json::from_str::<serde::de::IgnoredAny>(json)
                    .map_err(|error| WireError::malformed(FORMAT, error))?;
                said.push(Incoming::Application(json.clone()));
            }
        }
        Ok(())
    }
}
