//! What does a frame's way through native processors cost, a hop?

use std::hint::black_box;

use benches::{Count, graph, wires};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pipecat_engine::testing::frame;

fn inline_hop(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inline_hop");
    for hops in [1, 10, 50] {
        let graph = graph(wires(hops));
        let mut count = Count::default();
        group.throughput(Throughput::Elements(hops as u64));
        group.bench_function(BenchmarkId::from_parameter(hops), |bencher| {
            bencher.iter(|| graph.deliver(graph.entry, black_box(frame(1)), &mut count));
        });
    }
    group.finish();
}

criterion_group!(benches, inline_hop);
criterion_main!(benches);
