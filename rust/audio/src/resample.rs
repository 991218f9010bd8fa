//! Sample rate conversion of a stream.
//!
//! A windowed sinc in linear phase, as long at every rate: [`TAPS`] samples of the lower one. Where
//! the two rates have a ratio of small numbers, as all usual ones do, the filter is laid out for
//! exactly the places that an output sample can stand at (a polyphase filter), else the place is
//! interpolated between the nearest ones of [`MAX_PHASES`].
//!
//! Unlike the FFT method of soxr, this waits for no block but its own 2.5 ms: an output sample lags
//! behind its place by half the filter, 12 ms if the lower rate is 8 kHz and 6 ms at 16 kHz, where
//! soxr's HQ lags by 37 to 170 ms (`tests/quality.rs`). The price is 11 µs for 20 ms of 24 kHz to
//! 16, where soxr takes 7 (both measured on one machine, soxr through Python).

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
    calculate_cutoff,
};

use crate::error::check_channels;
use crate::sample::to_sample;
use crate::{AudioError, Stage};

/// Length of the filter, in samples of the lower rate. Flat to 0.9 of that rate's Nyquist
/// frequency, and closed from it on.
const TAPS: usize = 192;
/// The window's side lobes are at -92 dB, which leaves aliases below the noise of 16 bits.
const WINDOW: WindowFunction = WindowFunction::BlackmanHarris;
/// The filter's table has at most this many places between two samples, and ...
const MAX_PHASES: usize = 1024;
/// ... this many coefficients in all, 4 MiB.
const MAX_TABLE: usize = 1 << 20;
/// Pieces a second that the filter runs over. 2.5 ms divide a 10 ms frame of every usual rate.
const BLOCKS_PER_SECOND: u32 = 400;
/// So many zeros at most go before the stream to let the first output stand at the first input.
const MAX_LEAD: usize = 8;

const LOWEST_HZ: u32 = 4_000;
const HIGHEST_HZ: u32 = 384_000;

/// Converts mono or stereo audio from one sample rate to another.
///
/// Output sample `k` stands at the time of input sample `k * input_rate / output_rate`, to within
/// half an output sample: there is no silence in front. It comes out [`latency`](Self::latency)
/// later, and [`flush`](Stage::flush) gives out the rest, so that a stream of `n` frames becomes
/// one of `n * output_rate / input_rate`, rounded.
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
    filter: Option<Filter>,
}

/// The filter and what surrounds it. Buffers are interleaved, and have one size for good.
#[derive(Debug)]
struct Filter {
    sinc: Async<f32>,
    block: Vec<f32>,
    /// Samples of `block` that are filled.
    filled: usize,
    converted: Vec<f32>,
    /// Zeros that go before the stream, and output frames that come before it: see `lead_in`.
    lead: usize,
    early: usize,
    /// Of the latter, those still to come.
    ahead: usize,
    delay: usize,
    /// Frames that went through the filter, with the lead.
    frames_in: u64,
    frames_out: u64,
}

impl Resampler {
    /// Makes a resampler. This computes the filter: milliseconds, so make it once for a stream.
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
        let filter = (input_rate != output_rate).then(|| Filter::new(input_rate, output_rate, channels));
        Ok(Self { input_rate, output_rate, channels, filter })
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
        self.filter.as_ref().map_or(0, |filter| filter.delay)
    }
}

impl Stage for Resampler {
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        match &mut self.filter {
            Some(filter) => filter.process(input, self.channels, output),
            None => output.extend_from_slice(input),
        }
    }

    fn flush(&mut self, output: &mut Vec<i16>) {
        if let Some(filter) = &mut self.filter {
            filter.flush(self.input_rate, self.output_rate, self.channels, output);
        }
        self.reset();
    }

    fn reset(&mut self) {
        if let Some(filter) = &mut self.filter {
            filter.reset(self.channels);
        }
    }
}

impl Filter {
    fn new(input_rate: u32, output_rate: u32, channels: usize) -> Self {
        let ratio = f64::from(output_rate) / f64::from(input_rate);
        let taps = ((TAPS as f64 / ratio.min(1.0)).ceil() as usize).next_multiple_of(8);
        let cutoff = calculate_cutoff((taps as f64 * ratio.min(1.0)) as usize, WINDOW);
        let exact = (output_rate / greatest_common_divisor(input_rate, output_rate)) as usize;
        let most = (MAX_TABLE / taps).min(MAX_PHASES);
        let (phases, interpolation) = if exact <= most {
            (exact, SincInterpolationType::Nearest)
        } else {
            (most, SincInterpolationType::Cubic)
        };
        let parameters = SincInterpolationParameters::new(taps, WINDOW)
            .f_cutoff(cutoff)
            .oversampling_factor(phases)
            .interpolation(interpolation);
        let frames = (input_rate / BLOCKS_PER_SECOND) as usize;
        let sinc = Async::new_sinc(ratio, 1.0, &parameters, frames, channels, FixedAsync::Input)
            .expect("the ratio and the block's size are positive");
        let (lead, early) = lead_in(ratio, taps, phases);
        let mut filter = Self {
            block: vec![0.0; frames * channels],
            filled: 0,
            converted: vec![0.0; sinc.output_frames_max() * channels],
            sinc,
            lead,
            early,
            ahead: early,
            // Half the filter, what it needs for its own rounding, a block that waits to be full.
            delay: taps / 2 + 2 + frames,
            frames_in: 0,
            frames_out: 0,
        };
        filter.reset(channels);
        filter
    }

    fn process(&mut self, mut input: &[i16], channels: usize, output: &mut Vec<i16>) {
        while !input.is_empty() {
            let room = &mut self.block[self.filled..];
            let taken = room.len().min(input.len());
            for (place, &sample) in room.iter_mut().zip(input) {
                *place = f32::from(sample);
            }
            self.filled += taken;
            input = &input[taken..];
            if self.filled == self.block.len() {
                self.frames_in += (self.filled / channels) as u64;
                self.filled = 0;
                self.run(channels, u64::MAX, output);
            }
        }
    }

    /// Converts the block, and appends what belongs to the stream, up to `most` frames of it in all.
    fn run(&mut self, channels: usize, most: u64, output: &mut Vec<i16>) {
        let (frames, room) = (self.block.len() / channels, self.converted.len() / channels);
        let input = InterleavedSlice::new(&self.block, channels, frames)
            .expect("the block's length is a multiple of the channels");
        let mut converted = InterleavedSlice::new_mut(&mut self.converted, channels, room)
            .expect("the buffer's length is a multiple of the channels");
        let (_, frames) = self
            .sinc
            .process_into_buffer(&input, &mut converted, None)
            .expect("both buffers are as long as the filter asks for");
        let skipped = self.ahead.min(frames);
        self.ahead -= skipped;
        let given = (most - self.frames_out).min((frames - skipped) as u64) as usize;
        self.frames_out += given as u64;
        let samples = &self.converted[skipped * channels..(skipped + given) * channels];
        output.extend(samples.iter().map(|&value| to_sample(value)));
    }

    fn flush(&mut self, input_rate: u32, output_rate: u32, channels: usize, output: &mut Vec<i16>) {
        self.filled -= self.filled % channels;
        let frames = self.frames_in + (self.filled / channels) as u64 - self.lead as u64;
        let whole = u128::from(frames) * u128::from(output_rate) + u128::from(input_rate / 2);
        let whole = (whole / u128::from(input_rate)) as u64;
        while self.frames_out < whole {
            self.block[self.filled..].fill(0.0);
            self.filled = 0;
            self.run(channels, whole, output);
        }
    }

    fn reset(&mut self, channels: usize) {
        self.sinc.reset();
        self.filled = self.lead * channels;
        self.block[..self.filled].fill(0.0);
        self.ahead = self.early;
        self.frames_in = 0;
        self.frames_out = 0;
    }
}

/// How many zeros to put before the stream, and how many output frames to drop, so that the first
/// one left stands at the first input frame.
fn lead_in(ratio: f64, taps: usize, phases: usize) -> (usize, usize) {
    // rubato's output `k` stands at `(k + 1) / ratio - taps / 2 + 1 / phases` of its input.
    let place = |lead: usize| ((lead + taps / 2) as f64 - 1.0 / phases as f64) * ratio;
    let error = |lead: &usize| (place(*lead) - place(*lead).round()).abs();
    let lead = (0..=MAX_LEAD)
        .min_by(|a, b| (error(a) + 1e-9 * *a as f64).total_cmp(&(error(b) + 1e-9 * *b as f64)))
        .unwrap_or(0);
    (lead, (place(lead).round() as usize).saturating_sub(1))
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
