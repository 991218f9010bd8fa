//! From the pipeline's audio to a wire's encoding and rate, and back.

use bytes::Bytes;
use pipecat_rs_audio::{Resampler, Stage as _, g711};
use serde::Deserialize;

use crate::incoming::Audio;
use crate::limits::MAX_RATE_CHANGES;
use crate::serializer::WireError;

/// How samples are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Encoding {
    /// G.711 µ-law, a byte a sample.
    #[default]
    #[serde(alias = "PCMU", alias = "audio/x-mulaw", alias = "ulaw")]
    Ulaw,
    /// G.711 A-law, a byte a sample.
    #[serde(alias = "PCMA", alias = "audio/x-alaw", alias = "alaw")]
    Alaw,
    /// 16-bit linear samples, the low byte first.
    #[serde(alias = "L16", alias = "audio/x-l16", alias = "linear16")]
    Linear16,
    /// 16-bit linear samples, the high byte first: L16 as RTP has it.
    #[serde(alias = "L16BE")]
    Linear16BigEndian,
}

/// So many frames are converted at once: more than a usual message has.
const PIECE: usize = 1024;

/// Samples as bytes, the low one first.
pub(crate) fn to_bytes(samples: &[i16]) -> Bytes {
    let mut bytes = Vec::with_capacity(samples.len() * 2);
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes.into()
}

fn append_samples(bytes: &[u8], samples: &mut Vec<i16>) {
    samples.extend(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
}

/// Gives back what an unusually long message has made a buffer grow to.
pub(crate) fn trim<T>(buffer: &mut Vec<T>) {
    const KEPT_BYTES: usize = 1 << 14;
    if buffer.capacity() * size_of::<T>() > KEPT_BYTES {
        *buffer = Vec::new();
    }
}

/// Refuses half a sample.
pub(crate) fn check_whole(format: &'static str, bytes: usize, frame: usize) -> Result<(), WireError> {
    if bytes.is_multiple_of(frame) {
        return Ok(());
    }
    let what = format!("{bytes} bytes of audio are no whole number of frames of {frame} bytes");
    Err(WireError::malformed(format, what))
}

/// Converts a stream whose rate or number of channels may change, which starts it anew.
#[derive(Default)]
struct Converter {
    resampler: Option<Resampler>,
    channels: usize,
    changes: u32,
}

impl Converter {
    /// Appends audio at another rate.
    fn convert(
        &mut self,
        format: &'static str,
        (from, to, channels): (u32, u32, usize),
        samples: &[i16],
        converted: &mut Vec<i16>,
    ) -> Result<(), WireError> {
        let same =
            |made: &Resampler| (made.input_rate(), made.output_rate(), self.channels) == (from, to, channels);
        let made = match self.resampler.take().filter(same) {
            Some(made) => made,
            None => {
                self.changes += 1;
                Resampler::new(from, to, channels)
                    .map_err(|error| WireError::Unsupported { format, what: error.to_string() })?
            }
        };
        self.channels = channels;
        // Piece by piece: a resampler's own buffers grow with what it is given at once.
        let resampler = self.resampler.insert(made);
        samples.chunks(PIECE * channels).for_each(|piece| resampler.process(piece, converted));
        Ok(())
    }

    fn reset(&mut self) {
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
    }
}

/// Audio on its way from the wire.
#[derive(Default)]
pub(crate) struct Inbound {
    /// The pipeline's rate, once it is known.
    rate: Option<u32>,
    converter: Converter,
    samples: Vec<i16>,
    converted: Vec<i16>,
}

impl Inbound {
    pub(crate) fn set_rate(&mut self, rate: u32) {
        self.rate = Some(rate);
    }

    /// What a payload of one channel has, at the pipeline's rate. None while it is too little.
    pub(crate) fn decode(
        &mut self,
        format: &'static str,
        encoding: Encoding,
        wire_rate: u32,
        payload: &[u8],
    ) -> Result<Option<Audio>, WireError> {
        self.samples.clear();
        match encoding {
            Encoding::Ulaw => g711::ulaw_to_linear(payload, &mut self.samples),
            Encoding::Alaw => g711::alaw_to_linear(payload, &mut self.samples),
            Encoding::Linear16 => {
                check_whole(format, payload.len(), 2)?;
                append_samples(payload, &mut self.samples);
            }
            Encoding::Linear16BigEndian => {
                check_whole(format, payload.len(), 2)?;
                append_samples(payload, &mut self.samples);
                self.samples.iter_mut().for_each(|sample| *sample = sample.swap_bytes());
            }
        }
        self.finish(format, wire_rate, 1)
    }

    /// The same of linear samples that say themselves what they are.
    pub(crate) fn decode_linear(
        &mut self,
        format: &'static str,
        audio: Audio,
    ) -> Result<Option<Audio>, WireError> {
        let Audio { ref samples, sample_rate, channels } = audio;
        check_whole(format, samples.len(), 2 * channels as usize)?;
        if self.rate.is_none_or(|rate| rate == sample_rate) {
            return Ok((!samples.is_empty()).then_some(audio));
        }
        if self.converter.changes > MAX_RATE_CHANGES {
            return Err(WireError::malformed(format, "the audio has changed its rate too often"));
        }
        self.samples.clear();
        append_samples(samples, &mut self.samples);
        self.finish(format, sample_rate, channels)
    }

    fn finish(
        &mut self,
        format: &'static str,
        wire_rate: u32,
        channels: u32,
    ) -> Result<Option<Audio>, WireError> {
        let sample_rate = self.rate.unwrap_or(wire_rate);
        let samples = if sample_rate == wire_rate {
            &self.samples
        } else {
            self.converted.clear();
            let change = (wire_rate, sample_rate, channels as usize);
            self.converter.convert(format, change, &self.samples, &mut self.converted)?;
            &self.converted
        };
        let samples = to_bytes(samples);
        trim(&mut self.samples);
        trim(&mut self.converted);
        Ok((!samples.is_empty()).then_some(Audio { samples, sample_rate, channels }))
    }
}

/// Audio on its way to the wire, as one channel.
#[derive(Default)]
pub(crate) struct Outbound {
    converter: Converter,
    samples: Vec<i16>,
    converted: Vec<i16>,
    coded: Vec<u8>,
}

impl Outbound {
    /// Forgets what the resampler still holds.
    pub(crate) fn reset(&mut self) {
        self.converter.reset();
    }

    /// What was encoded last.
    pub(crate) fn coded(&self) -> &[u8] {
        &self.coded
    }

    /// The payload; empty while there is too little for one.
    pub(crate) fn encode(
        &mut self,
        format: &'static str,
        encoding: Encoding,
        wire_rate: u32,
        audio: &Audio,
    ) -> Result<&[u8], WireError> {
        self.samples.clear();
        trim(&mut self.coded);
        self.coded.clear();
        match audio.channels {
            1 => append_samples(&audio.samples, &mut self.samples),
            2 => self.samples.extend(audio.samples.chunks_exact(4).map(|frame| {
                let side = |at: usize| i32::from(i16::from_le_bytes([frame[at], frame[at + 1]]));
                ((side(0) + side(2)) / 2) as i16
            })),
            channels => {
                let what = format!("audio of {channels} channels, where 1 or 2 can be sent");
                return Err(WireError::Unsupported { format, what });
            }
        }
        let samples = if audio.sample_rate == wire_rate {
            &self.samples
        } else {
            self.converted.clear();
            let change = (audio.sample_rate, wire_rate, 1);
            self.converter.convert(format, change, &self.samples, &mut self.converted)?;
            &self.converted
        };
        match encoding {
            // Peers of pipecat get these bytes.
            Encoding::Ulaw => g711::linear_to_ulaw_as_audioop(samples, &mut self.coded),
            Encoding::Alaw => g711::linear_to_alaw(samples, &mut self.coded),
            Encoding::Linear16 => {
                self.coded.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            }
            Encoding::Linear16BigEndian => {
                self.coded.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
            }
        }
        trim(&mut self.samples);
        trim(&mut self.converted);
        Ok(&self.coded)
    }
}
