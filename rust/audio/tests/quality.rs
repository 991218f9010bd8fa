//! How well the resampler converts, against soxr's HQ, which is what pipecat's users know.
//!
//! The figures of soxr were measured like ours: sines of 16 bits through
//! `soxr.ResampleStream(input, output, 1, dtype="int16", quality="HQ")` of Python's soxr 1.1.0, in
//! one chunk with `last=True`, the eighth of a second at either end left out. Signal to noise: 997 Hz
//! at -1 dBFS, against all that a fitted sine leaves. Ripple: from 0.02 to 0.9 of the lower Nyquist
//! frequency in steps of 0.04, at -6 dBFS. Lag: time given in minus time got back at its largest, in
//! chunks of 10 ms. soxr dithers, which costs it 3 to 6 dB of
//! noise; we round.

use std::f64::consts::TAU;

use pipecat_rs_audio::{Resampler, Stage};

struct Soxr {
    input: u32,
    output: u32,
    signal_to_noise: f64,
    ripple: f64,
    /// Gain at 0.925 and 0.95 of the lower Nyquist frequency.
    edge: [f64; 2],
    lag_ms: f64,
}

const fn soxr(
    input: u32,
    output: u32,
    signal_to_noise: f64,
    ripple: f64,
    edge: [f64; 2],
    lag_ms: f64,
) -> Soxr {
    Soxr { input, output, signal_to_noise, ripple, edge, lag_ms }
}

const SOXR_HQ: [Soxr; 16] = [
    soxr(8_000, 16_000, 91.3, 0.000, [-0.02, -2.88], 115.0),
    soxr(16_000, 8_000, 91.6, 0.000, [-0.02, -2.88], 115.0),
    soxr(8_000, 48_000, 91.1, 0.000, [-0.01, -2.83], 170.8),
    soxr(48_000, 8_000, 92.0, 0.000, [-0.01, -2.83], 154.6),
    soxr(16_000, 24_000, 91.1, 0.000, [-0.02, -2.89], 36.6),
    soxr(24_000, 16_000, 91.5, 0.000, [-0.02, -2.89], 36.6),
    soxr(44_100, 48_000, 91.1, 0.007, [-0.02, -2.83], 20.9),
    soxr(48_000, 44_100, 91.2, 0.007, [-0.02, -2.83], 19.1),
    soxr(22_050, 16_000, 91.3, 0.008, [-0.02, -2.84], 39.9),
    soxr(16_000, 22_050, 91.1, 0.007, [-0.02, -2.83], 57.7),
    soxr(24_000, 48_000, 91.1, 0.000, [-0.02, -2.88], 38.3),
    soxr(48_000, 24_000, 91.7, 0.000, [-0.02, -2.88], 38.3),
    soxr(48_000, 16_000, 91.8, 0.000, [-0.02, -2.89], 36.6),
    soxr(16_000, 48_000, 91.2, 0.000, [-0.02, -2.89], 36.6),
    soxr(24_000, 8_000, 91.9, 0.000, [-0.02, -2.89], 73.0),
    soxr(44_100, 16_000, 91.9, 0.008, [-0.02, -2.84], 40.2),
];

fn tone(frequency: f64, rate: u32, amplitude: f64, samples: usize) -> Vec<i16> {
    let step = TAU * frequency / f64::from(rate);
    (0..samples).map(|n| (amplitude * (step * n as f64).sin()).round() as i16).collect()
}

fn converted(input: u32, output: u32, samples: &[i16]) -> Vec<i16> {
    let mut resampler = Resampler::new(input, output, 1).expect("the rates are in range");
    let mut converted = Vec::new();
    resampler.process(samples, &mut converted);
    resampler.flush(&mut converted);
    converted
}

/// The amplitude of a sine that is fitted to the middle of a second, and the root mean square of
/// what it leaves.
fn fitted(samples: &[i16], frequency: f64, rate: u32) -> (f64, f64) {
    let step = TAU * frequency / f64::from(rate);
    let middle = &samples[samples.len() / 8..samples.len() * 7 / 8];
    let values = || middle.iter().enumerate().map(|(n, &s)| (f64::from(s), (step * n as f64).sin_cos()));
    let (mut ss, mut sc, mut cc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (value, (sin, cos)) in values() {
        ss += sin * sin;
        sc += sin * cos;
        cc += cos * cos;
        xs += value * sin;
        xc += value * cos;
    }
    let determinant = ss * cc - sc * sc;
    let (a, b) = ((xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant);
    let left: f64 = values().map(|(value, (sin, cos))| (value - a * sin - b * cos).powi(2)).sum();
    (a.hypot(b), (left / middle.len() as f64).sqrt())
}

fn db(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

fn gain_at(input: u32, output: u32, part: f64) -> f64 {
    let frequency = part * f64::from(input.min(output)) / 2.0;
    let samples = converted(input, output, &tone(frequency, input, 16_384.0, input as usize));
    db(fitted(&samples, frequency, output).0 / 16_384.0)
}

#[test]
fn a_sine_has_less_noise_than_soxr_leaves() {
    for &Soxr { input, output, signal_to_noise, .. } in &SOXR_HQ {
        let samples = converted(input, output, &tone(997.0, input, 29_204.0, input as usize));
        let (amplitude, noise) = fitted(&samples, 997.0, output);
        let ours = db(amplitude / 2_f64.sqrt() / noise);
        assert!(ours > signal_to_noise, "{ours} dB from {input} to {output} Hz");
    }
}

#[test]
fn the_pass_band_is_flat_to_within_a_hundredth_of_a_db_of_soxr() {
    for &Soxr { input, output, ripple, edge, .. } in &SOXR_HQ {
        let gains: Vec<f64> = (0..23).map(|n| gain_at(input, output, 0.02 + 0.04 * f64::from(n))).collect();
        let (lowest, highest) =
            gains.iter().fold((f64::MAX, f64::MIN), |(low, high), &gain| (low.min(gain), high.max(gain)));
        assert!(highest - lowest < ripple + 0.01, "{} dB from {input} to {output} Hz", highest - lowest);
        assert!(highest.abs() < 0.01 && lowest.abs() < 0.01);
        for (part, theirs) in [0.925, 0.95].into_iter().zip(edge) {
            let ours = gain_at(input, output, part);
            assert!(ours > theirs - 0.01, "{ours} dB at {part} from {input} to {output} Hz");
        }
    }
}

#[test]
fn aliases_are_below_the_noise_of_16_bits() {
    for &Soxr { input, output, .. } in SOXR_HQ.iter().filter(|pair| pair.output < pair.input) {
        for part in [1.0, 1.02, 1.05, 1.1, 1.3, 1.7, 1.95, 2.9] {
            let frequency = part * f64::from(output) / 2.0 + 1.0;
            if frequency < f64::from(input) / 2.0 {
                let samples = converted(input, output, &tone(frequency, input, 29_204.0, input as usize));
                let middle = &samples[samples.len() / 8..samples.len() * 7 / 8];
                let power: f64 = middle.iter().map(|&s| f64::from(s).powi(2)).sum();
                let alias = db((power / middle.len() as f64).sqrt() / (29_204.0 / 2_f64.sqrt()));
                assert!(alias < -89.0, "{alias} dB of {frequency} Hz from {input} to {output} Hz");
            }
        }
    }
}

#[test]
fn images_are_below_the_noise_of_16_bits() {
    for &Soxr { input, output, .. } in SOXR_HQ.iter().filter(|pair| pair.output > pair.input) {
        for part in [0.5, 0.8, 0.9, 0.95, 0.99] {
            let frequency = part * f64::from(input) / 2.0;
            let samples = converted(input, output, &tone(frequency, input, 29_204.0, input as usize));
            let image = db(fitted(&samples, frequency, output).1 / (29_204.0 / 2_f64.sqrt()));
            assert!(image < -89.0, "{image} dB of {frequency} Hz from {input} to {output} Hz");
        }
    }
}

#[test]
fn output_comes_as_early_as_is_stated_and_earlier_than_from_soxr() {
    for &Soxr { input, output, lag_ms, .. } in &SOXR_HQ {
        let mut resampler = Resampler::new(input, output, 1).expect("the rates are in range");
        let latency_ms = resampler.latency() as f64 * 1000.0 / f64::from(input);
        assert!(latency_ms < lag_ms / 2.0, "{latency_ms} ms from {input} to {output} Hz");
        let mut converted = Vec::new();
        for given in 1..=input as usize / 4 {
            resampler.process(&[0], &mut converted);
            let due = given.saturating_sub(resampler.latency()) * output as usize / input as usize;
            assert!(converted.len() >= due, "{} of {due} after {given}", converted.len());
        }
    }
}

#[test]
fn output_stands_where_the_input_did() {
    // A pulse as wide as the filter lets through, whose middle is found to a fraction of a sample.
    for &Soxr { input, output, .. } in &SOXR_HQ {
        let low = f64::from(input.min(output));
        let at = (input / 4) as usize;
        let bell = |n: usize| (-((n as f64 - at as f64) / f64::from(input) * low / 4.0).powi(2)).exp();
        let pulse: Vec<i16> = (0..input as usize / 2).map(|n| (30_000.0 * bell(n)) as i16).collect();
        let samples = converted(input, output, &pulse);
        let weight: f64 = samples.iter().map(|&s| f64::from(s)).sum();
        let middle = samples.iter().enumerate().map(|(n, &s)| n as f64 * f64::from(s)).sum::<f64>() / weight;
        let expected = at as f64 * f64::from(output) / f64::from(input);
        assert!((middle - expected).abs() < 0.1, "{middle}, not {expected}, from {input} to {output} Hz");
    }
}

#[test]
fn rates_without_a_common_measure_are_interpolated_as_well() {
    for (input, output) in [(44_101, 16_000), (16_000, 44_101), (8_003, 7_993), (47_999, 8_001)] {
        let samples = converted(input, output, &tone(997.0, input, 29_204.0, input as usize));
        let (amplitude, noise) = fitted(&samples, 997.0, output);
        let signal_to_noise = db(amplitude / 2_f64.sqrt() / noise);
        assert!(signal_to_noise > 90.0, "{signal_to_noise} dB from {input} to {output} Hz");
        let gain = db(amplitude / 29_204.0);
        assert!(gain.abs() < 0.01, "{gain} dB from {input} to {output} Hz");
    }
}

#[test]
fn ten_minutes_have_neither_drifted_nor_lost_a_sample() {
    const SECONDS: usize = 600;
    // 441 to 480 does not divide, so every block ends at another fraction of a sample.
    let (input, output) = (44_100, 48_000);
    let mut resampler = Resampler::new(input, output, 1).expect("the rates are in range");
    let second = tone(441.0, input, 16_000.0, input as usize);
    let (mut frames, mut first, mut last) = (0, Vec::new(), Vec::new());
    for n in 0..SECONDS {
        let mut converted = Vec::with_capacity(output as usize + 200);
        resampler.process(&second, &mut converted);
        frames += converted.len();
        match n {
            0 => first = converted,
            _ => last = converted,
        }
    }
    let begin = (frames - last.len()) % output as usize;
    let mut rest = Vec::new();
    resampler.flush(&mut rest);
    assert_eq!(frames + rest.len(), SECONDS * output as usize);
    // The tone has whole periods in a second: behind its beginning, every second is the same.
    let second = &last[output as usize - begin..];
    assert_eq!(second[500..20_000], first[500..20_000]);
}
