//! From the pipeline's format to a device's, and back.

use pipecat_rs_audio::{AudioError, ChannelMapper, Resampler, Stage};

/// How samples follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// In Hz.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u32,
}

impl Format {
    pub(super) fn samples_in(self, millis: u32) -> usize {
        (u64::from(self.sample_rate) * u64::from(millis) / 1000) as usize * self.channels as usize
    }
}

/// Converts a stream from one format to another.
pub(super) struct Converter {
    from: Format,
    to: Format,
    mapper: ChannelMapper,
    resampler: Resampler,
    mapped: Vec<i16>,
}

impl Converter {
    pub(super) fn new(from: Format, to: Format) -> Result<Self, AudioError> {
        let mapper = ChannelMapper::new(from.channels as usize, to.channels as usize)?;
        let resampler = Resampler::new(from.sample_rate, to.sample_rate, to.channels as usize)?;
        Ok(Self { from, to, mapper, resampler, mapped: Vec::new() })
    }

    /// Append what the input becomes.
    pub(super) fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        self.mapped.clear();
        self.mapper.process(input, &mut self.mapped);
        self.resampler.process(&self.mapped, output);
    }

    /// Samples that so many of the input become at most.
    pub(super) fn most_of(&self, samples: usize) -> usize {
        let frames = (samples / self.from.channels.max(1) as usize) as u64;
        let converted = (frames * u64::from(self.to.sample_rate)).div_ceil(u64::from(self.from.sample_rate));
        (converted as usize + 1) * self.to.channels as usize
    }

    /// Forget what went in and has not come out.
    pub(super) fn reset(&mut self) {
        self.mapper.reset();
        self.resampler.reset();
    }
}

/// 16-bit little-endian samples.
pub(super) fn samples_of(bytes: &[u8]) -> impl Iterator<Item = i16> + '_ {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
}
