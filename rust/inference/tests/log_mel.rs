//! The spectrogram against pipecat-ai's own (`tools/make_log_mel_golden.py` writes the file), and
//! what holds of any.

use std::collections::HashMap;

use pipecat_rs_inference::smart_turn::features::{FRAMES, LogMel, MELS, SAMPLES};
use proptest::prelude::*;

const GOLDEN: &str = include_str!("golden/log_mel.json");
const EVERY: usize = 40;

/// The signal of the tool.
fn signal(length: usize) -> Vec<i16> {
    let mut state: u64 = 1;
    (0..length as i64)
        .map(|n| {
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            let noise = (state >> 16) as i64 % 2_001 - 1_000;
            let loudness = n / 4_000 % 4;
            let sum = noise + n * 37 % 8_000 - 4_000 + n * 301 % 2_000 - 1_000;
            (sum * loudness).div_euclid(3) as i16
        })
        .collect()
}

fn floats(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect()
}

fn spectrogram(samples: &[i16]) -> Vec<f32> {
    let mut features = Vec::new();
    LogMel::new().compute(&floats(samples), &mut features);
    assert_eq!(features.len(), MELS * FRAMES);
    features
}

#[test]
fn agrees_with_the_reference() {
    let golden: HashMap<String, Vec<Vec<f32>>> = serde_json::from_str(GOLDEN).unwrap();
    for (name, length) in [("whole", SAMPLES), ("short", 40_123), ("long", 150_001)] {
        let features = spectrogram(&signal(length));
        for (mel, row) in golden[name].iter().enumerate() {
            for (column, expected) in row.iter().enumerate() {
                let value = features[mel * FRAMES + column * EVERY];
                assert!((value - expected).abs() < 2e-5, "{name} {mel} {column}: {value} and {expected}");
            }
        }
    }
}

#[test]
fn silence_is_flat() {
    let features = spectrogram(&[]);
    assert!(features.iter().all(|&value| value == features[0]));
}

#[test]
fn what_was_computed_before_makes_no_difference() {
    let mut mel = LogMel::new();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    mel.compute(&floats(&signal(9_000)), &mut first);
    mel.compute(&floats(&signal(SAMPLES)), &mut second);
    mel.compute(&floats(&signal(9_000)), &mut second);
    assert!(first == second);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn silence_in_front_may_be_given_or_left_out(
        samples in prop::collection::vec(any::<i16>(), 0..2_000), silence in 0..SAMPLES - 2_000
    ) {
        let mut padded = vec![0; silence];
        padded.extend_from_slice(&samples);
        let (short, long) = (spectrogram(&samples), spectrogram(&padded));
        for (one, other) in short.iter().zip(&long) {
            prop_assert!((one - other).abs() < 1e-5, "{one} and {other}");
        }
    }

    #[test]
    fn values_are_finite_and_span_two_at_most(
        samples in prop::collection::vec(any::<i16>(), 0..4_000), amplitude in 0i16..=256
    ) {
        let samples: Vec<i16> = samples.iter().map(|sample| sample / 256 * amplitude / 2).collect();
        let features = spectrogram(&samples);
        let highest = features.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        prop_assert!(highest.is_finite());
        prop_assert!(features.iter().all(|value| (-1e-5..=2.0 + 1e-5).contains(&(highest - value))));
    }
}
