//! What does it cost to mix streams, quiet ones and those that the limiter must bend?
//!
//! An element is a sample of the mix, of 24,000 a second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pipecat_rs_audio::Mixer;

/// 20 ms.
const SAMPLES: usize = 480;

fn mix(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mix");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    for (loudness, peak) in [("quiet", 2_000), ("loud", 30_000)] {
        let frame: Vec<i16> = (0..SAMPLES).map(|n| (n as i32 * 7_919 % peak) as i16).collect();
        for streams in [2, 8] {
            let mut mixer = Mixer::new(streams);
            let mut mixed = Vec::with_capacity(SAMPLES);
            group.bench_function(BenchmarkId::new(format!("{loudness} streams"), streams), |bencher| {
                bencher.iter(|| {
                    mixed.clear();
                    for stream in 0..streams {
                        mixer.push(stream, &frame, 1.0);
                    }
                    mixer.take(&mut mixed);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, mix);
criterion_main!(benches);
