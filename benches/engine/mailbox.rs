//! What does a frame cost that threads post to the loop through its inbox, alone and in a crowd?

use std::sync::Arc;
use std::thread;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pipecat_engine::testing::{Bench, MockHost, SilentBell, frame, start};
use pipecat_engine::{Inbox, Post};

const FRAMES: u64 = 20_000;

fn mailbox(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox");
    group.throughput(Throughput::Elements(FRAMES));
    for threads in [1, 2, 4] {
        group.bench_function(BenchmarkId::new("inbox, posting threads", threads), |bencher| {
            bencher.iter(|| post_and_drain(threads));
        });
    }
    let mut bench = Bench::default();
    let slot = bench.slot("slot", None);
    bench.build(slot);
    bench.enter(start());
    bench.run();
    group.bench_function("push, step and done of one slot", |bencher| {
        bencher.iter(|| {
            for id in 1..=FRAMES {
                bench.enter(frame(id));
                while bench.step() {}
                bench.out.clear();
                bench.log.clear();
            }
        });
    });
    group.finish();
}

/// Threads post while this one drains.
fn post_and_drain(threads: u64) {
    let inbox: Arc<Inbox<MockHost>> = Arc::new(Inbox::new(Arc::new(SilentBell)));
    let producers: Vec<_> = (0..threads)
        .map(|_| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                for id in 0..FRAMES / threads {
                    inbox.post(Post::Left { graph: 0, edge: pipecat_engine::Edge::Sink, frame: frame(id) });
                }
            })
        })
        .collect();
    let mut taken = 0;
    while taken < FRAMES / threads * threads {
        match inbox.take() {
            Some(_) => taken += 1,
            None => thread::yield_now(),
        }
    }
    for producer in producers {
        producer.join().expect("a producer only posts");
    }
}

criterion_group!(benches, mailbox);
criterion_main!(benches);
