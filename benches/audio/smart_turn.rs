//! What does it cost to judge the end of a turn, from 8 s of audio?
//!
//! Features and resampling are measured alone, and then with the network, if `make test` has put
//! that and the ONNX runtime into .venv.

use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pipecat_rs_inference::Runtime;
use pipecat_rs_inference::smart_turn::{LogMel, Network};

fn noise(samples: usize) -> Vec<i16> {
    (0..samples).map(|n| (n * 7_919 % 20_011) as i16 - 10_000).collect()
}

fn features(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("smart turn");
    let (mut mel, mut features) = (LogMel::new(), Vec::new());
    for secs in [2, 8] {
        let audio: Vec<f32> = noise(secs * 16_000).into_iter().map(|n| f32::from(n) / 32_768.0).collect();
        group.bench_function(BenchmarkId::new("features, seconds", secs), |bencher| {
            bencher.iter(|| mel.compute(&audio, &mut features));
        });
    }
    if let Some((runtime, model)) = installed() {
        let runtime = Runtime::open(&runtime).expect("the runtime in .venv can be used");
        let mut network = Network::open(&runtime, &model, 1).expect("the network in .venv can be used");
        for rate in [16_000, 8_000, 48_000] {
            let audio = noise(8 * rate as usize);
            group.bench_function(BenchmarkId::new("judgement, Hz", rate), |bencher| {
                bencher.iter(|| network.probability(&audio, rate).expect("it has judged before"));
            });
        }
    }
    group.finish();
}

/// The ONNX runtime and the network of the development environment.
fn installed() -> Option<(PathBuf, PathBuf)> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv");
    let model = venv.join("share/pipecat_rs/smart-turn-v3.2-cpu.onnx");
    let pythons = std::fs::read_dir(venv.join("lib")).ok()?;
    let runtime = pythons.flatten().find_map(|python| {
        let libraries = python.path().join("site-packages/onnxruntime/capi");
        let found = std::fs::read_dir(libraries).ok()?.flatten().map(|entry| entry.path());
        found.into_iter().find(|path| path.to_string_lossy().contains("libonnxruntime.so"))
    })?;
    model.exists().then_some((runtime, model))
}

criterion_group!(benches, features);
criterion_main!(benches);
