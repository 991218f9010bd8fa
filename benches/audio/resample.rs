//! How many streams of speech can a core resample, in frames of 20 ms?
//!
//! An element is a sample that goes in: divided by the input's rate, the throughput is streams in
//! real time.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pipecat_rs_audio::{Resampler, Stage};

const PAIRS: [(u32, u32); 7] = [
    (8_000, 16_000),
    (16_000, 8_000),
    (24_000, 16_000),
    (24_000, 8_000),
    (48_000, 16_000),
    (16_000, 48_000),
    (44_100, 16_000),
];

fn resample(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resample");
    group.bench_function("a new resampler, 44100 to 48000 Hz", |bencher| {
        bencher.iter(|| Resampler::new(44_100, 48_000, 1));
    });
    for (input, output) in PAIRS {
        let mut resampler = Resampler::new(input, output, 1).expect("the rates are in range");
        let frame: Vec<i16> = (0..input / 50).map(|n| (n * 7_919) as i16).collect();
        let mut resampled = Vec::with_capacity(2_000);
        group.throughput(Throughput::Elements(frame.len() as u64));
        group.bench_function(BenchmarkId::new("20 ms", format!("{input} to {output} Hz")), |bencher| {
            bencher.iter(|| {
                resampled.clear();
                resampler.process(&frame, &mut resampled);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, resample);
criterion_main!(benches);
