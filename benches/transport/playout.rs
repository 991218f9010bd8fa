//! What does it cost to play? An element is a chunk of 40 ms, of 25 a second for each session.
//!
//! `400 sessions` counts the processor time of the whole process, timers and wake-ups included,
//! while the sessions play in real time; the others are wall time.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pipecat_engine::testing::MockHost;
use pipecat_engine::{Epoch, Frame};
use pipecat_rs_transport::playout::{
    AudioKind, Outlet, PlayedAudio, Playout, PlayoutSettings, QueuedAudio, Speech,
};
use pipecat_rs_transport::{Refusal, Sink, runtime};
use rustix::time::{ClockId, clock_gettime};

const RATE: u32 = 24_000;
const SESSIONS: u32 = 400;
const CHUNK_BYTES: usize = 1_920;

/// Takes everything, and counts.
#[derive(Default)]
struct Null {
    chunks: AtomicU64,
}

impl Sink for Null {
    fn try_write(&self, _: Bytes) -> Result<(), Refusal> {
        self.chunks.fetch_add(1, Relaxed);
        Ok(())
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn interrupt(&self) {}
}

impl Outlet<MockHost> for Null {
    fn push(&self, _: Frame<MockHost>) {}
    fn played(&self, _: PlayedAudio) {}
    fn speech(&self, _: Speech) {}
    fn epoch(&self) -> Epoch {
        Epoch(0)
    }
    fn failed(&self, _: String, _: bool) {}
}

fn playout(null: &Arc<Null>, lead: Duration) -> Playout<MockHost> {
    let settings = PlayoutSettings { lead, ..PlayoutSettings::new(RATE, 1) };
    let (sink, outlet) = (Arc::clone(null) as Arc<dyn Sink>, Arc::clone(null) as Arc<dyn Outlet<MockHost>>);
    Playout::start(runtime().handle().clone(), settings, sink, outlet, None)
}

fn audio(sample_rate: u32, bytes: usize) -> QueuedAudio {
    QueuedAudio {
        samples: vec![3; bytes].into(),
        sample_rate,
        channels: 1,
        kind: AudioKind::Tts,
        interruptible: true,
        context: None,
        epoch: Epoch(0),
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Wait until all before has been written.
fn drain(playout: &Playout<MockHost>) {
    let (done, drained) = mpsc::channel();
    playout.call_in_turn(Box::new(move |_| done.send(()).expect("it is waited for")), false);
    drained.recv().expect("the player plays");
}

fn sessions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("playout, processor time");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_millis(1));
    for lead in [0, 20] {
        group.bench_function(BenchmarkId::new(format!("{SESSIONS} sessions, lead in ms"), lead), |bencher| {
            bencher.iter_custom(|chunks| {
                let null = Arc::new(Null::default());
                let playouts: Vec<_> = (0..SESSIONS)
                    .map(|_| {
                        // Calls do not begin all at once.
                        std::thread::sleep(Duration::from_micros(137));
                        let playout = playout(&null, Duration::from_millis(lead));
                        playout.play_audio(audio(RATE, 60 * 25 * CHUNK_BYTES)).expect("it is queued");
                        playout
                    })
                    .collect();
                std::thread::sleep(Duration::from_millis(100));
                let (before, begin) = (null.chunks.load(Relaxed), cpu());
                std::thread::sleep(Duration::from_secs(2));
                let took = (cpu() - begin).as_secs_f64() / (null.chunks.load(Relaxed) - before) as f64;
                let worst = playouts.iter().map(|playout| playout.lateness().quantile(0.99)).max();
                assert!(worst < Some(Duration::from_secs(1)), "{worst:?}");
                Duration::from_secs_f64(took * chunks as f64)
            });
        });
    }
    group.finish();
}

fn one(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("playout");
    group.throughput(Throughput::Elements(1));
    group.bench_function("queue, cut, write and tell of a chunk, without waiting", |bencher| {
        bencher.iter_custom(|chunks| {
            let null = Arc::new(Null::default());
            let playout = playout(&null, Duration::from_secs(1_000_000));
            let begin = std::time::Instant::now();
            for part in (0..chunks).step_by(1_000) {
                let bytes = CHUNK_BYTES * (chunks - part).min(1_000) as usize;
                playout.play_audio(audio(RATE, bytes)).expect("it is queued");
                drain(&playout);
            }
            begin.elapsed()
        });
    });
    for rate in [RATE, 16_000] {
        let null = Arc::new(Null::default());
        let playout = playout(&null, Duration::from_secs(1_000_000));
        let piece = audio(rate, rate as usize / 25 * 2);
        group.bench_function(BenchmarkId::new("play_audio of 40 ms, of Hz", rate), |bencher| {
            bencher.iter(|| playout.play_audio(piece.clone()));
        });
    }
    group.finish();
}

criterion_group!(benches, one, sessions);
criterion_main!(benches);
