//! The filter of a resampler, and the sums that it is for.

use std::collections::HashMap;
use std::f64::consts::PI;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use pulp::{Arch, Simd, WithSimd};

/// Length of the filter, in samples of the lower rate. Flat to 0.9 of that rate's Nyquist
/// frequency, and closed from it on.
pub(super) const TAPS: usize = 192;
/// Coefficients come in groups of as many as are summed up at once, at the most.
const GROUP: usize = 32;
/// Half the width of the window's main lobe, in half periods of the filter's length: so far below
/// the Nyquist frequency is the middle of the slope.
const SLOPE: f64 = 8.0;
/// A filter has at most this many places between two samples, and ...
const MAX_PHASES: usize = 1024;
/// ... this many coefficients in all, 4 MiB.
const MAX_TABLE: usize = 1 << 20;
/// Filters that are kept for the next resampler of their rates.
const MAX_KEPT: usize = 64;

/// By what the rates are to each other.
type Kept = HashMap<(u32, u32), Arc<Filter>>;

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// A low pass, laid out for the places between two input samples that an output sample stands at.
///
/// Where the two rates have a ratio of small numbers, as all usual ones do, these are all there are.
/// Else the filter between two of them is taken from both in proportion, which is as good: it is
/// smooth, so that what a straight line leaves is 110 dB below.
#[derive(Debug)]
pub(super) struct Filter {
    taps: usize,
    /// Rows of `taps` coefficients for each place, and one more for the next sample.
    table: Vec<f32>,
    phases: u32,
    /// An input sample has so many parts, and from one output sample to the next there are `step`
    /// samples and `rest` parts.
    parts: u32,
    step: usize,
    rest: u32,
}

impl Filter {
    /// The filter between two rates, which others may have as well.
    pub(super) fn of(input_rate: u32, output_rate: u32) -> Arc<Self> {
        let common = greatest_common_divisor(input_rate, output_rate);
        let ratio = (input_rate / common, output_rate / common);
        let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(filter) = kept().get(&ratio) {
            return Arc::clone(filter);
        }
        let filter = Arc::new(Self::new(ratio.0, ratio.1));
        let mut kept = kept();
        if kept.len() < MAX_KEPT {
            kept.insert(ratio, Arc::clone(&filter));
        }
        filter
    }

    /// Makes the filter from `input` samples to `output` samples.
    fn new(input: u32, output: u32) -> Self {
        let ratio = (f64::from(output) / f64::from(input)).min(1.0);
        let taps = ((TAPS as f64 / ratio).ceil() as usize).next_multiple_of(GROUP);
        let phases = (output as usize).min(MAX_PHASES).min(MAX_TABLE / taps);
        // Of the input's Nyquist frequency.
        let cutoff = ratio - SLOPE / taps as f64;
        let mut table = Vec::with_capacity(taps * (phases + 1));
        for phase in 0..=phases {
            let row = row(taps, phase as f64 / phases as f64, cutoff);
            let sum: f64 = row.iter().sum();
            table.extend(row.iter().map(|coefficient| (coefficient / sum) as f32));
        }
        Self {
            taps,
            table,
            phases: phases as u32,
            parts: output,
            step: (input / output) as usize,
            rest: input % output,
        }
    }

    /// How many samples an output sample is made of.
    pub(super) fn taps(&self) -> usize {
        self.taps
    }

    /// How many output samples so many input samples become, at the most.
    pub(super) fn outputs(&self, samples: usize) -> usize {
        let parts = self.step as u64 * u64::from(self.parts) + u64::from(self.rest);
        (samples as u64 * u64::from(self.parts) / parts) as usize + 1
    }

    /// How many samples behind its place an output sample is made of.
    pub(super) fn reach(&self) -> usize {
        self.taps / 2
    }

    /// Appends output, up to `most` samples, and returns how many samples of the input no later
    /// output needs.
    ///
    /// # Arguments
    ///
    /// * `input` - From the first sample on that the first output is made of.
    /// * `phase` - How many parts of a sample behind its middle that output stands; those of the
    ///   output after the last, afterwards.
    pub(super) fn run(&self, input: &[f32], phase: &mut u32, most: usize, output: &mut Vec<f32>) -> usize {
        Arch::new().dispatch(Run { filter: self, input, phase, most, output })
    }

    #[inline(always)]
    fn row(&self, phase: u32) -> &[f32] {
        &self.table[phase as usize * self.taps..][..self.taps]
    }
}

/// What runs with the widest instructions that the machine has.
struct Run<'a> {
    filter: &'a Filter,
    input: &'a [f32],
    phase: &'a mut u32,
    most: usize,
    output: &'a mut Vec<f32>,
}

impl WithSimd for Run<'_> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let Self { filter, input, phase, most, output } = self;
        let mut begin = 0;
        for _ in 0..most {
            let Some(window) = input.get(begin..begin + filter.taps) else { break };
            output.push(if filter.phases == filter.parts {
                dot(simd, window, filter.row(*phase))
            } else {
                let place = u64::from(*phase) * u64::from(filter.phases);
                let (row, rest) = (place / u64::from(filter.parts), place % u64::from(filter.parts));
                let before = dot(simd, window, filter.row(row as u32));
                let behind = dot(simd, window, filter.row(row as u32 + 1));
                before + (behind - before) * (rest as f32 / filter.parts as f32)
            });
            *phase += filter.rest;
            begin += filter.step;
            if *phase >= filter.parts {
                *phase -= filter.parts;
                begin += 1;
            }
        }
        begin
    }
}

/// The sum of products, four vectors at once: one alone would wait for its own last sum.
#[inline(always)]
fn dot<S: Simd>(simd: S, window: &[f32], row: &[f32]) -> f32 {
    let (window, _) = S::as_simd_f32s(window);
    let (row, _) = S::as_simd_f32s(row);
    let mut sums = [simd.splat_f32s(0.0); 4];
    for (samples, coefficients) in window.as_chunks::<4>().0.iter().zip(row.as_chunks::<4>().0) {
        for n in 0..4 {
            sums[n] = simd.mul_add_e_f32s(samples[n], coefficients[n], sums[n]);
        }
    }
    let [a, b, c, d] = sums;
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
}

/// The filter for an output that stands `part` of a sample behind the middle of its window.
fn row(taps: usize, part: f64, cutoff: f64) -> Vec<f64> {
    let reach = (taps / 2) as f64;
    let coefficient = |tap: usize| {
        let distance = tap as f64 - (reach - 1.0) - part;
        let angle = PI * cutoff * distance;
        let sinc = if angle == 0.0 { 1.0 } else { angle.sin() / angle };
        sinc * blackman_harris((distance + reach) / (2.0 * reach))
    };
    (0..taps).map(coefficient).collect()
}

/// A window whose side lobes are at -92 dB, which leaves aliases below the noise of 16 bits.
fn blackman_harris(place: f64) -> f64 {
    let cosine = |order: f64| (2.0 * PI * order * place).cos();
    0.358_75 - 0.488_29 * cosine(1.0) + 0.141_28 * cosine(2.0) - 0.011_68 * cosine(3.0)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resamplers_of_the_same_rates_share_a_filter() {
        assert!(Arc::ptr_eq(&Filter::of(24_000, 16_000), &Filter::of(48_000, 32_000)));
        assert!(!Arc::ptr_eq(&Filter::of(24_000, 16_000), &Filter::of(16_000, 24_000)));
    }

    #[test]
    fn every_row_lets_a_constant_through_as_it_is() {
        for (input, output) in [(1, 2), (3, 2), (441, 160), (44_101, 16_000), (96, 1)] {
            let filter = Filter::new(input, output);
            for row in filter.table.chunks(filter.taps) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{input} to {output}");
            }
        }
    }

    #[test]
    fn filters_have_an_end() {
        for (input, output) in [(383_999, 4_000), (4_000, 383_999), (1, 96)] {
            let filter = Filter::new(input, output);
            assert!(filter.table.len() <= MAX_TABLE + filter.taps);
            assert_eq!(filter.taps % GROUP, 0);
        }
    }
}
