//! What does a switcher of three services add to a frame's way?

use std::hint::black_box;

use benches::{Count, graph, wire};
use criterion::{Criterion, criterion_group, criterion_main};
use pipecat_engine::testing::frame;
use pipecat_engine::{Choice, Layout};

fn switch_gate(criterion: &mut Criterion) {
    let choice = Choice::new(1);
    let graph = graph(Layout::Switch {
        name: "switch".into(),
        branches: (0..3).map(|_| wire()).collect(),
        choice: choice.clone(),
    });
    let mut count = Count::default();
    let mut id = 0;
    criterion.bench_function("switch_gate/open branch of 3", |bencher| {
        bencher.iter(|| {
            id += 1;
            graph.deliver(graph.entry, black_box(frame(id)), &mut count);
        });
    });
    let mut branch = 0;
    criterion.bench_function("switch_gate/switched before each frame", |bencher| {
        bencher.iter(|| {
            id += 1;
            branch = (branch + 1) % 3;
            choice.set(branch);
            graph.deliver(graph.entry, black_box(frame(id)), &mut count);
        });
    });
}

criterion_group!(benches, switch_gate);
criterion_main!(benches);
