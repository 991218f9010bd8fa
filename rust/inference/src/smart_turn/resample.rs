//! A whole segment at another sample rate.
//!
//! Through the spectrum of all of it, in floats. What streams use (`pipecat_rs_audio::Resampler`)
//! rounds to 16 bits, and that noise is what the network would hear in the upper half of its range,
//! where a telephone has nothing.

use std::sync::Arc;

use pipecat_rs_audio::AudioError;
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Zeros behind the audio, in seconds, so that its end does not ring into its beginning.
const GAP_SECS: f64 = 0.1;
/// From this share of the lower rate's Nyquist frequency to the whole of it the filter closes.
const PASS: f32 = 0.92;

const LOWEST_HZ: u32 = 4_000;
const HIGHEST_HZ: u32 = 384_000;

/// Converts segments of up to a certain length from one rate to another.
pub(super) struct SegmentResampler {
    input_rate: u32,
    output_rate: u32,
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    input: Vec<f32>,
    spectrum: Vec<Complex32>,
    output: Vec<f32>,
}

impl SegmentResampler {
    /// Plans the transforms for segments of up to `longest` samples.
    ///
    /// # Errors
    ///
    /// If a rate is outside of 4 to 384 kHz.
    pub(super) fn new(input_rate: u32, output_rate: u32, longest: usize) -> Result<Self, AudioError> {
        for rate in [input_rate, output_rate] {
            if !(LOWEST_HZ..=HIGHEST_HZ).contains(&rate) {
                return Err(AudioError::SampleRate { rate, allowed: "4000 to 384000 Hz are" });
            }
        }
        let divisor = greatest_common_divisor(input_rate, output_rate);
        let (from, to) = ((input_rate / divisor) as usize, (output_rate / divisor) as usize);
        let gap = (f64::from(input_rate) * GAP_SECS) as usize;
        // Both lengths even, and of small factors, if the rates are.
        let pieces = 2 * smooth((longest + gap).div_ceil(2 * from));
        let mut planner = RealFftPlanner::new();
        let (forward, backward) =
            (planner.plan_fft_forward(from * pieces), planner.plan_fft_inverse(to * pieces));
        let bins = forward.complex_len().max(backward.complex_len());
        Ok(Self {
            input_rate,
            output_rate,
            input: forward.make_input_vec(),
            spectrum: vec![Complex32::default(); bins],
            output: backward.make_output_vec(),
            forward,
            backward,
        })
    }

    pub(super) fn input_rate(&self) -> u32 {
        self.input_rate
    }

    /// Converts a segment. The samples are full scale at 1.
    pub(super) fn convert(&mut self, samples: impl ExactSizeIterator<Item = f32>) -> &[f32] {
        let length = samples.len().min(self.input.len());
        self.input.fill(0.0);
        for (place, sample) in self.input.iter_mut().zip(samples) {
            *place = sample;
        }
        let (heard, spoken) = (self.forward.complex_len(), self.backward.complex_len());
        self.forward
            .process(&mut self.input, &mut self.spectrum[..heard])
            .expect("the buffers have the lengths that the plan asked for");
        let kept = heard.min(spoken) - 1;
        let scale = (self.forward.len() as f32).recip();
        for (bin, value) in self.spectrum.iter_mut().enumerate() {
            let share = bin as f32 / kept as f32;
            let closing = ((share - PASS) / (1.0 - PASS)).clamp(0.0, 1.0);
            *value *= scale * (0.5 + 0.5 * (std::f32::consts::PI * closing).cos());
        }
        // Beyond it is nothing, or what a higher rate had; at it, nothing, as the filter is closed.
        self.spectrum[kept..].fill(Complex32::default());
        self.backward
            .process(&mut self.spectrum[..spoken], &mut self.output)
            .expect("the buffers have the lengths that the plan asked for");
        let exact = length as u64 * u64::from(self.output_rate);
        let length = (exact + u64::from(self.input_rate) / 2) / u64::from(self.input_rate);
        &self.output[..length as usize]
    }
}

/// The least number from `least` on without a prime factor above 5.
fn smooth(least: usize) -> usize {
    (least.max(1)..)
        .find(|&number| {
            let mut rest = number;
            for factor in [2, 3, 5] {
                while rest.is_multiple_of(factor) {
                    rest /= factor;
                }
            }
            rest == 1
        })
        .unwrap_or(least)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::SegmentResampler;

    fn tone(hertz: f64, rate: u32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (TAU * hertz * n as f64 / f64::from(rate)).sin() as f32 * 0.5).collect()
    }

    /// Root of the mean square of the difference, away from the ends.
    fn error(one: &[f32], other: &[f32]) -> f32 {
        let inner = 200..one.len().min(other.len()) - 200;
        let squares: f32 = inner.clone().map(|n| (one[n] - other[n]).powi(2)).sum();
        (squares / inner.len() as f32).sqrt()
    }

    #[test]
    fn a_tone_is_the_same_at_every_rate() {
        for rate in [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000] {
            let mut resampler = SegmentResampler::new(rate, 16_000, rate as usize * 2).unwrap();
            let heard = tone(1_000.0, rate, rate as usize);
            let converted = resampler.convert(heard.iter().copied());
            assert_eq!(converted.len(), 16_000, "{rate}");
            let error = error(converted, &tone(1_000.0, 16_000, 16_000));
            assert!(error < 1e-3, "{rate}: {error}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        let mut resampler = SegmentResampler::new(48_000, 16_000, 96_000).unwrap();
        let heard = tone(12_000.0, 48_000, 48_000);
        let converted = resampler.convert(heard.iter().copied());
        assert!(error(converted, &[0.0; 16_000]) < 1e-4);
    }

    #[test]
    fn a_segment_leaves_nothing_for_the_next() {
        let mut resampler = SegmentResampler::new(8_000, 16_000, 16_000).unwrap();
        let first = resampler.convert(tone(500.0, 8_000, 4_000).into_iter()).to_vec();
        resampler.convert(tone(3_000.0, 8_000, 16_000).into_iter());
        assert_eq!(resampler.convert(tone(500.0, 8_000, 4_000).into_iter()), first);
    }

    #[test]
    fn nothing_becomes_nothing() {
        let mut resampler = SegmentResampler::new(8_000, 16_000, 16_000).unwrap();
        assert!(resampler.convert([].into_iter()).is_empty());
    }

    #[test]
    fn rates_that_are_none_are_refused() {
        assert!(SegmentResampler::new(0, 16_000, 10).is_err());
        assert!(SegmentResampler::new(16_000, 1_000_000, 10).is_err());
    }
}
