//! How long does an interruption take through ten processors while 500 frames wait in the middle?

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pipecat_engine::Layout;
use pipecat_engine::testing::{Bench, frame, interruption, start};

const PROCESSORS: usize = 10;
const WAITING: u64 = 500;

/// Ten foreign processors; the sixth has not had its turn and 500 frames wait in it.
fn crowded() -> Bench {
    let mut bench = Bench::default();
    let slots = (0..PROCESSORS).map(|number| bench.slot(&number.to_string(), None)).collect();
    bench.build(Layout::Sequence(slots));
    bench.enter(start());
    bench.run();
    for id in 1..=WAITING {
        bench.scheduler.queue(5, frame(id));
    }
    bench
}

fn through(criterion: &mut Criterion) {
    criterion.bench_function("interruption/10 processors, 500 waiting", |bencher| {
        bencher.iter_batched_ref(
            crowded,
            |bench| {
                bench.enter(interruption());
                bench.run();
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, through);
criterion_main!(benches);
