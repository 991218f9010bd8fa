//! Sample rate conversion of a stream.
//!
//! A windowed sinc in linear phase, as long at every rate: [`filter::TAPS`] samples of the lower
//! one. An output sample is the sum of the input around its place, each sample weighted by the
//! filter, so it waits for half the filter and for nothing else: 12 ms if the lower rate is 8 kHz
//! and 6 ms at 16 kHz, where the FFT method of soxr's HQ waits for 37 to 170 ms
//! (`tests/quality.rs`; `benches/audio/resample_quality.py` has both side by side).

mod filter;

use std::sync::Arc;

use filter::Filter;

use crate::error::check_channels;
use crate::sample::to_sample;
use crate::{AudioError, Stage};

const LOWEST_HZ: u32 = 4_000;
const HIGHEST_HZ: u32 = 384_000;

/// Converts mono or stereo audio from one sample rate to another.
///
/// Output sample `k` stands exactly at the time of input sample `k * input_rate / output_rate`. It
/// comes out [`latency`](Self::latency) later, and [`flush`](Stage::flush) gives out the rest, so
/// that a stream of `n` frames becomes one of `n * output_rate / input_rate`, rounded.
///
/// ```
/// use pipecat_rs_audio::{Resampler, Stage};
///
/// let mut resampler = Resampler::new(24_000, 16_000, 1)?;
/// let mut output = Vec::new();
/// resampler.process(&[0; 480], &mut output);
/// resampler.flush(&mut output);
/// assert_eq!(output.len(), 320);
/// # Ok::<(), pipecat_rs_audio::AudioError>(())
/// ```
#[derive(Debug)]
pub struct Resampler {
    input_rate: u32,
    output_rate: u32,
    channels: usize,
    /// None if the rates are equal.
    stream: Option<Stream>,
}

/// The filter, and where in the stream it stands.
#[derive(Debug)]
struct Stream {
    filter: Arc<Filter>,
    /// Input of each channel, from the first frame on that the next output frame is made of.
    history: Vec<Vec<f32>>,
    /// How far behind a whole input frame the next output frame stands, in parts of the filter.
    phase: u32,
    frames_in: u64,
    frames_out: u64,
    /// The left sample of a stereo frame whose right one has not come yet.
    left: Option<i16>,
    /// Room for output of each channel.
    converted: Vec<Vec<f32>>,
}

impl Resampler {
    /// Makes a resampler. The first one of two rates computes the filter, in up to 5 ms; all
    /// resamplers of those rates share it.
    ///
    /// # Errors
    ///
    /// If a rate is outside of 4 to 384 kHz, or there are not one or two channels.
    pub fn new(input_rate: u32, output_rate: u32, channels: usize) -> Result<Self, AudioError> {
        check_channels(channels)?;
        for rate in [input_rate, output_rate] {
            if !(LOWEST_HZ..=HIGHEST_HZ).contains(&rate) {
                return Err(AudioError::SampleRate { rate, allowed: "4000 to 384000 Hz are" });
            }
        }
        let stream =
            (input_rate != output_rate).then(|| Stream::new(Filter::of(input_rate, output_rate), channels));
        Ok(Self { input_rate, output_rate, channels, stream })
    }

    /// Rate of what goes in, in Hz.
    #[must_use]
    pub fn input_rate(&self) -> u32 {
        self.input_rate
    }

    /// Rate of what comes out, in Hz.
    #[must_use]
    pub fn output_rate(&self) -> u32 {
        self.output_rate
    }

    /// Input frames that output lags behind at most: when `n` frames are in, those that stand in
    /// the first `n - latency` are out.
    #[must_use]
    pub fn latency(&self) -> usize {
        self.stream.as_ref().map_or(0, |stream| stream.filter.reach())
    }
}

impl Stage for Resampler {
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        match &mut self.stream {
            Some(stream) => {
                stream.take_in(input, self.channels);
                stream.run(u64::MAX, output);
            }
            None => output.extend_from_slice(input),
        }
    }

    fn flush(&mut self, output: &mut Vec<i16>) {
        if let Some(stream) = &mut self.stream {
            let whole = u128::from(stream.frames_in) * u128::from(self.output_rate);
            let whole = (whole + u128::from(self.input_rate / 2)) / u128::from(self.input_rate);
            for channel in &mut stream.history {
                channel.resize(channel.len() + stream.filter.reach(), 0.0);
            }
            stream.run(whole as u64, output);
        }
        self.reset();
    }

    fn reset(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.reset();
        }
    }
}

impl Stream {
    fn new(filter: Arc<Filter>, channels: usize) -> Self {
        let mut stream = Self {
            filter,
            history: vec![Vec::new(); channels],
            phase: 0,
            frames_in: 0,
            frames_out: 0,
            left: None,
            converted: vec![Vec::new(); channels],
        };
        stream.reset();
        stream
    }

    fn take_in(&mut self, mut input: &[i16], channels: usize) {
        // Room for any later call with as much, too.
        let room = self.filter.taps() + input.len().div_ceil(channels);
        for (history, converted) in self.history.iter_mut().zip(&mut self.converted) {
            history.reserve(room.saturating_sub(history.len()));
            converted.clear();
            converted.reserve(self.filter.outputs(room));
        }
        if channels == 1 {
            self.history[0].extend(input.iter().map(|&sample| f32::from(sample)));
            self.frames_in += input.len() as u64;
            return;
        }
        if let (Some(left), Some((&right, rest))) = (self.left, input.split_first()) {
            self.history[0].push(f32::from(left));
            self.history[1].push(f32::from(right));
            self.frames_in += 1;
            self.left = None;
            input = rest;
        }
        let (frames, rest) = input.as_chunks::<2>();
        self.history[0].extend(frames.iter().map(|frame| f32::from(frame[0])));
        self.history[1].extend(frames.iter().map(|frame| f32::from(frame[1])));
        self.frames_in += frames.len() as u64;
        self.left = rest.first().copied().or(self.left);
    }

    /// Appends the output that the history is enough for, up to `most` frames in all.
    fn run(&mut self, most: u64, output: &mut Vec<i16>) {
        let begin = self.phase;
        let left = usize::try_from(most - self.frames_out).unwrap_or(usize::MAX);
        for (history, converted) in self.history.iter_mut().zip(&mut self.converted) {
            self.phase = begin;
            converted.clear();
            let used = self.filter.run(history, &mut self.phase, left, converted);
            history.drain(..used);
        }
        self.frames_out += self.converted[0].len() as u64;
        match &self.converted[..] {
            [left, right] => {
                let frames = left.iter().zip(right);
                output.extend(frames.flat_map(|(&left, &right)| [to_sample(left), to_sample(right)]));
            }
            channels => output.extend(channels[0].iter().map(|&value| to_sample(value))),
        }
    }

    fn reset(&mut self) {
        for channel in &mut self.history {
            // The first output frame stands at the first input frame, in the middle of the filter.
            channel.clear();
            channel.resize(self.filter.reach() - 1, 0.0);
        }
        self.phase = 0;
        self.frames_in = 0;
        self.frames_out = 0;
        self.left = None;
    }
}
