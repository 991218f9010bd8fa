//! What the network hears: a log-mel spectrogram in the form of Whisper's feature extractor.
//!
//! The waveform is brought to mean 0 and variance 1. Windows of 25 ms each 10 ms, centred and
//! mirrored at the ends, give powers; 80 triangles on Slaney's mel scale sum them up. Of these the
//! logarithm is taken, cut off at 8 decades below the loudest, and brought to about -1 to 1.
//!
//! In 64-bit floats as the reference: the network calculates with 8 bits, and where a value falls to
//! one side or the other of a step changes its answer.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};

/// Sample rate of the audio, in Hz.
pub const SAMPLE_RATE: u32 = 16_000;
/// Samples of a spectrogram: 8 s.
pub const SAMPLES: usize = 128_000;
/// Rows of a spectrogram.
pub const MELS: usize = 80;
/// Columns of a spectrogram: one each 10 ms.
pub const FRAMES: usize = 800;

const WINDOW: usize = 400;
const HOP: usize = 160;
const BINS: usize = WINDOW / 2 + 1;
/// Added to the variance, so that silence stays silence.
const VARIANCE_FLOOR: f32 = 1e-7;
const POWER_FLOOR: f64 = 1e-10;
/// How far below the loudest the logarithm is cut off, in decades.
const DECADES: f32 = 8.0;

/// Computes spectrograms, one after the other.
pub struct LogMel {
    fft: Arc<dyn RealToComplex<f64>>,
    window: [f64; WINDOW],
    triangles: Vec<Triangle>,
    /// The waveform with half a window on either side.
    padded: Vec<f64>,
    windowed: Vec<f64>,
    spectrum: Vec<Complex64>,
    scratch: Vec<Complex64>,
    power: [f64; BINS],
}

/// A filter of the mel scale, where it is not 0.
struct Triangle {
    first_bin: usize,
    weights: Vec<f64>,
}

impl Default for LogMel {
    fn default() -> Self {
        Self::new()
    }
}

impl LogMel {
    /// Computes window, filters and the plan of the Fourier transform.
    #[must_use]
    pub fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(WINDOW);
        Self {
            window: std::array::from_fn(|n| 0.5 - 0.5 * (TAU * n as f64 / WINDOW as f64).cos()),
            triangles: triangles(),
            padded: vec![0.0; SAMPLES + WINDOW],
            windowed: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: [0.0; BINS],
            fft,
        }
    }

    /// Computes the spectrogram of the last 8 s of audio at 16 kHz, full scale at 1. Shorter
    /// audio has silence before it. `features` becomes [`MELS`] rows of [`FRAMES`] values.
    pub fn compute(&mut self, samples: &[f32], features: &mut Vec<f32>) {
        let samples = &samples[samples.len().saturating_sub(SAMPLES)..];
        let silence = SAMPLES - samples.len();
        self.normalize(samples);
        features.clear();
        features.resize(MELS * FRAMES, 0.0);
        // Windows that see nothing but the silence in front all look the same.
        let alike = if silence > WINDOW / 2 { (silence - WINDOW / 2) / HOP + 1 } else { 0 };
        let mut loudest = f32::NEG_INFINITY;
        for frame in 0..FRAMES {
            if (1..alike).contains(&frame) {
                for row in features.chunks_exact_mut(FRAMES) {
                    row[frame] = row[0];
                }
                continue;
            }
            self.transform(frame);
            for (triangle, row) in self.triangles.iter().zip(features.chunks_exact_mut(FRAMES)) {
                let logarithm = (triangle.of(&self.power).max(POWER_FLOOR) as f32).log10();
                row[frame] = logarithm;
                loudest = loudest.max(logarithm);
            }
        }
        for value in features {
            *value = value.max(loudest - DECADES) / 4.0 + 1.0;
        }
    }

    /// Fills `padded`: silence, the samples, and either end mirrored.
    fn normalize(&mut self, samples: &[f32]) {
        let (sum, squares) = samples.iter().fold((0.0, 0.0), |(sum, squares), &sample| {
            let sample = f64::from(sample);
            (sum + sample, squares + sample * sample)
        });
        let mean = sum / SAMPLES as f64;
        let variance = (squares / SAMPLES as f64 - mean * mean).max(0.0);
        // The reference does this in 32 bits, and the rest in 64.
        let (mean, deviation) = (mean as f32, (variance as f32 + VARIANCE_FLOOR).sqrt());
        let normal = |sample: f32| f64::from((sample - mean) / deviation);
        let half = WINDOW / 2;
        let (silent, heard) = self.padded[half..half + SAMPLES].split_at_mut(SAMPLES - samples.len());
        silent.fill(normal(0.0));
        for (place, &sample) in heard.iter_mut().zip(samples) {
            *place = normal(sample);
        }
        for n in 1..=half {
            self.padded[half - n] = self.padded[half + n];
            self.padded[half + SAMPLES - 1 + n] = self.padded[half + SAMPLES - 1 - n];
        }
    }

    /// Fills `power` with that of a window.
    fn transform(&mut self, frame: usize) {
        let heard = &self.padded[frame * HOP..frame * HOP + WINDOW];
        for ((place, &sample), &weight) in self.windowed.iter_mut().zip(heard).zip(&self.window) {
            *place = sample * weight;
        }
        self.fft
            .process_with_scratch(&mut self.windowed, &mut self.spectrum, &mut self.scratch)
            .expect("the buffers have the lengths that the plan asked for");
        for (power, value) in self.power.iter_mut().zip(&self.spectrum) {
            *power = value.norm_sqr();
        }
    }
}

impl Triangle {
    fn of(&self, power: &[f64; BINS]) -> f64 {
        let heard = &power[self.first_bin..self.first_bin + self.weights.len()];
        self.weights.iter().zip(heard).map(|(weight, power)| weight * power).sum()
    }
}

/// Filters whose corners are equally far apart in mels from 0 to 8 kHz, each with the area 1.
fn triangles() -> Vec<Triangle> {
    let highest = hertz_to_mel(f64::from(SAMPLE_RATE) / 2.0);
    let corner = |n: usize| mel_to_hertz(highest * n as f64 / (MELS + 1) as f64);
    let bin_hertz = f64::from(SAMPLE_RATE) / WINDOW as f64;
    (0..MELS)
        .map(|mel| {
            let (low, peak, high) = (corner(mel), corner(mel + 1), corner(mel + 2));
            let weight = |bin: usize| {
                let hertz = bin as f64 * bin_hertz;
                let sides = ((hertz - low) / (peak - low)).min((high - hertz) / (high - peak));
                sides.max(0.0) * 2.0 / (high - low)
            };
            let bins: Vec<usize> = (0..BINS).filter(|&bin| weight(bin) > 0.0).collect();
            let first_bin = bins.first().copied().unwrap_or_default();
            Triangle { first_bin, weights: bins.into_iter().map(weight).collect() }
        })
        .collect()
}

/// Slaney's scale: straight up to 1 kHz, 15 mels there, and 27 more for each factor of 6.4.
fn hertz_to_mel(hertz: f64) -> f64 {
    if hertz < 1000.0 { hertz * 3.0 / 200.0 } else { 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4f64.ln() }
}

fn mel_to_hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp() }
}
