//! What does the code of telephony cost? An element is a sample, of 8,000 a second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pipecat_rs_audio::g711::{alaw_to_linear, linear_to_alaw, linear_to_ulaw, ulaw_to_linear};

type Encode = fn(&[i16], &mut Vec<u8>);
type Decode = fn(&[u8], &mut Vec<i16>);

/// 20 ms.
const SAMPLES: usize = 160;

fn g711(criterion: &mut Criterion) {
    let linear: Vec<i16> = (0..SAMPLES).map(|n| (n * 7_919) as i16).collect();
    let code: Vec<u8> = (0..SAMPLES).map(|n| (n * 31) as u8).collect();
    let (mut samples, mut bytes) = (Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES));
    let mut group = criterion.benchmark_group("g711");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    for (name, encode) in [("to µ-law", linear_to_ulaw as Encode), ("to A-law", linear_to_alaw)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                bytes.clear();
                encode(&linear, &mut bytes);
            });
        });
    }
    for (name, decode) in [("from µ-law", ulaw_to_linear as Decode), ("from A-law", alaw_to_linear)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                samples.clear();
                decode(&code, &mut samples);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, g711);
criterion_main!(benches);
