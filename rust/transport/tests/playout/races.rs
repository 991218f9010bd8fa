//! Interruptions from one thread, audio from others, and the player on its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use pipecat_engine::testing::MockHost;
use pipecat_engine::{Epoch, Frame};
use pipecat_rs_transport::playout::{
    AudioKind, Outlet, PlayedAudio, Playout, PlayoutSettings, QueuedAudio, Speech,
};
use pipecat_rs_transport::{Refusal, Sink};

use crate::support::{bytes, samples};

const INTERRUPTIONS: u32 = 1_000;
/// Uninterruptible audio is marked by its sign.
const LASTING: i16 = -1;
/// Pushes the last of it out of the chunk that is not full.
const PADDING: i16 = -2;

/// Checks each chunk at the moment that it is written.
#[derive(Default)]
struct Watcher {
    /// The generation of audio that is being made. Its lock is held while audio is queued, if the
    /// generation is not known to the playout as an epoch.
    generation: RwLock<u32>,
    epoch: AtomicU32,
    /// Audio of older generations may not be written any more.
    floor: AtomicU32,
    stale: AtomicU64,
    written: AtomicU64,
    lasting: AtomicU64,
}

impl Sink for Watcher {
    fn try_write(&self, chunk: Bytes) -> Result<(), Refusal> {
        let floor = self.floor.load(SeqCst);
        for sample in samples(&chunk) {
            match sample {
                LASTING => drop(self.lasting.fetch_add(1, SeqCst)),
                PADDING | 0 => {} // 0 is what was silenced
                generation if (generation as u32) < floor => drop(self.stale.fetch_add(1, SeqCst)),
                _ => drop(self.written.fetch_add(1, SeqCst)),
            }
        }
        Ok(())
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn interrupt(&self) {}
}

impl Outlet<MockHost> for Watcher {
    fn push(&self, _: Frame<MockHost>) {}
    fn played(&self, _: PlayedAudio) {}
    fn speech(&self, _: Speech) {}
    fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(SeqCst))
    }
    fn failed(&self, what: String, _: bool) {
        panic!("{what}");
    }
}

fn start(watcher: &Arc<Watcher>) -> (tokio::runtime::Runtime, Playout<MockHost>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let runtime = runtime.expect("a runtime");
    // So far ahead that nothing waits: the player writes all the time.
    let settings = PlayoutSettings {
        chunk: Duration::from_millis(10),
        lead: Duration::from_secs(1_000_000),
        ..PlayoutSettings::new(1_000, 1)
    };
    let (sink, outlet) =
        (Arc::clone(watcher) as Arc<dyn Sink>, Arc::clone(watcher) as Arc<dyn Outlet<MockHost>>);
    let playout = Playout::start(runtime.handle().clone(), settings, sink, outlet, None);
    (runtime, playout)
}

fn audio(sample: i16, epoch: u32) -> QueuedAudio {
    QueuedAudio {
        samples: bytes(&[sample; 33]),
        sample_rate: 1_000,
        channels: 1,
        kind: AudioKind::Tts,
        interruptible: sample > 0,
        context: None,
        epoch: Epoch(epoch),
    }
}

fn wait_for(what: impl FnOnce(Box<dyn FnOnce() + Send>)) {
    let (done, finished) = std::sync::mpsc::channel();
    what(Box::new(move || done.send(()).expect("it is waited for")));
    finished.recv_timeout(Duration::from_secs(20)).expect("it comes");
}

/// Interrupts while two threads queue audio; returns how much uninterruptible audio they queued.
fn race(watcher: &Arc<Watcher>, playout: &Playout<MockHost>, with_epochs: bool) -> u64 {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let feed = || {
            let mut lasting = 0;
            while !over.load(SeqCst) {
                for n in 0..8 {
                    if n == 3 {
                        playout.play_audio(audio(LASTING, 0)).unwrap();
                        lasting += 33;
                    } else if with_epochs {
                        let epoch = watcher.epoch.load(SeqCst);
                        // An interruption may come in here: the epoch tells.
                        playout.play_audio(audio(epoch as i16 + 1, epoch)).unwrap();
                    } else {
                        let generation = watcher.generation.read().unwrap();
                        playout.play_audio(audio(*generation as i16 + 1, 0)).unwrap();
                    }
                }
                thread::yield_now();
            }
            lasting
        };
        let feeders = [scope.spawn(feed), scope.spawn(feed)];
        for generation in 1..=INTERRUPTIONS {
            if with_epochs {
                watcher.epoch.store(generation, SeqCst);
            } else {
                *watcher.generation.write().unwrap() = generation;
            }
            playout.interrupt();
            watcher.floor.store(generation + 1, SeqCst);
            thread::yield_now();
        }
        over.store(true, SeqCst);
        feeders.into_iter().map(|feeder| feeder.join().unwrap()).sum()
    })
}

#[test]
fn no_sample_is_written_after_its_interruption() {
    for with_epochs in [false, true] {
        let watcher = Arc::new(Watcher::default());
        let (_runtime, playout) = start(&watcher);
        let lasting = race(&watcher, &playout, with_epochs);
        playout.play_audio(audio(PADDING, 0)).unwrap();
        wait_for(|done| playout.call_in_turn(Box::new(|_| done()), false));
        assert_eq!(watcher.stale.load(SeqCst), 0);
        assert_eq!(watcher.lasting.load(SeqCst), lasting);
        assert!(watcher.written.load(SeqCst) > 0, "there was a race");
    }
}

#[test]
fn handles_may_be_dropped_and_cancelled_at_any_moment() {
    let watcher = Arc::new(Watcher::default());
    for round in 0..100 {
        let (runtime, playout) = start(&watcher);
        let other = playout.clone();
        thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..round % 7 {
                    let _dropped = other.play_audio(audio(1, 0));
                }
            });
            if round % 2 == 0 {
                playout.cancel();
            }
            wait_for(|done| playout.finish(done));
        });
        drop((playout, runtime));
    }
    assert_eq!(Arc::strong_count(&watcher), 1);
}
