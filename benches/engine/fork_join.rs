//! What does a frame through parallel branches cost, fork and join included?

use std::hint::black_box;

use benches::{Count, graph, wire};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pipecat_engine::testing::frame;
use pipecat_engine::{Layout, Order};

fn fork_join(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fork_join");
    for branches in [2, 8] {
        let parallel =
            Layout::Parallel { name: "parallel".into(), branches: (0..branches).map(|_| wire()).collect() };
        let synchronised = Layout::Synchronised {
            name: "synchronised".into(),
            branches: (0..branches).map(|_| wire()).collect(),
            order: Order::Arrival,
        };
        for (name, layout) in [("parallel", parallel), ("synchronised", synchronised)] {
            let graph = graph(layout);
            let mut count = Count::default();
            let mut id = 0;
            group.bench_function(BenchmarkId::new(name, branches), |bencher| {
                bencher.iter(|| {
                    id += 1; // a join drops an identity that it has seen
                    graph.deliver(graph.entry, black_box(frame(id)), &mut count);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, fork_join);
criterion_main!(benches);
