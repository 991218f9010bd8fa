//! A sink and an outlet that keep what they were given, in one log.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pipecat_engine::testing::{self, MockHost};
use pipecat_engine::{Epoch, Frame};
use pipecat_rs_transport::playout::{
    AudioKind, Background, Outlet, PlayedAudio, Playout, PlayoutSettings, QueuedAudio, Speech,
};
use pipecat_rs_transport::{Refusal, Sink};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

pub(crate) const RATE: u32 = 16_000;
pub(crate) const CHUNK: Duration = Duration::from_millis(40);

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Wrote(Bytes),
    SinkInterrupted,
    Played(Bytes, AudioKind, Option<String>),
    Frame(u64),
    Speech(Speech),
    Failed(String, bool),
    Done,
    /// What the test itself did.
    Mark,
}

/// How the peer behaves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Peer {
    Takes,
    Full,
    /// Says that there is room, and has none.
    Lies,
    Closed,
    Fails(&'static str),
}

pub(crate) struct World {
    start: Instant,
    log: Mutex<Vec<(Duration, Event)>>,
    peer: Mutex<Peer>,
    changed: Notify,
    pub(crate) epoch: AtomicU32,
    pub(crate) told: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            log: Mutex::default(),
            peer: Mutex::new(Peer::Takes),
            changed: Notify::new(),
            epoch: AtomicU32::new(0),
            told: Notify::new(),
        })
    }

    pub(crate) fn note(&self, event: Event) {
        lock(&self.log).push((self.start.elapsed(), event));
        self.told.notify_waiters();
    }

    pub(crate) fn set_peer(&self, peer: Peer) {
        *lock(&self.peer) = peer;
        self.changed.notify_waiters();
    }

    pub(crate) fn begin_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn log(&self) -> Vec<(Duration, Event)> {
        lock(&self.log).clone()
    }

    /// How many events there were.
    pub(crate) fn count(&self) -> usize {
        lock(&self.log).len()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.log().into_iter().map(|(_, event)| event).collect()
    }

    /// When something happened that is so.
    pub(crate) fn times(&self, is_so: impl Fn(&Event) -> bool) -> Vec<Duration> {
        self.log().into_iter().filter(|(_, event)| is_so(event)).map(|(at, _)| at).collect()
    }

    pub(crate) fn time(&self, event: &Event) -> Duration {
        let times = self.times(|other| other == event);
        assert_eq!(times.len(), 1, "{event:?} in {:?}", self.log());
        times[0]
    }

    pub(crate) fn write_times(&self) -> Vec<Duration> {
        self.times(|event| matches!(event, Event::Wrote(_)))
    }

    /// All samples that were written.
    pub(crate) fn audio(&self) -> Vec<i16> {
        let events = self.events().into_iter();
        events
            .flat_map(|event| if let Event::Wrote(chunk) = event { samples(&chunk) } else { vec![] })
            .collect()
    }

    pub(crate) fn frames(&self) -> Vec<u64> {
        let events = self.events().into_iter();
        events.filter_map(|event| if let Event::Frame(id) = event { Some(id) } else { None }).collect()
    }

    pub(crate) fn speech(&self) -> Vec<Speech> {
        let events = self.events().into_iter();
        events.filter_map(|event| if let Event::Speech(it) = event { Some(it) } else { None }).collect()
    }

    /// A playout in this world.
    pub(crate) fn playout(self: &Arc<Self>, settings: PlayoutSettings) -> Playout<MockHost> {
        self.playout_with(settings, None)
    }

    pub(crate) fn playout_with(
        self: &Arc<Self>,
        settings: PlayoutSettings,
        background: Option<Box<dyn Background>>,
    ) -> Playout<MockHost> {
        let (sink, outlet) =
            (Arc::clone(self) as Arc<dyn Sink>, Arc::clone(self) as Arc<dyn Outlet<MockHost>>);
        Playout::start(Handle::current(), settings, sink, outlet, background)
    }

    /// Audio as it is made now.
    pub(crate) fn speech_of(&self, samples: &[i16]) -> QueuedAudio {
        QueuedAudio {
            samples: bytes(samples),
            sample_rate: RATE,
            channels: 1,
            kind: AudioKind::Tts,
            interruptible: true,
            context: None,
            epoch: self.epoch(),
        }
    }

    /// Loud audio of a length.
    pub(crate) fn speech_for(&self, length: Duration, level: i16) -> QueuedAudio {
        self.speech_of(&vec![level; count(length)])
    }

    /// The same, which no interruption drops.
    pub(crate) fn lasting_for(&self, length: Duration, level: i16) -> QueuedAudio {
        QueuedAudio { interruptible: false, ..self.speech_for(length, level) }
    }

    /// Play all and end.
    pub(crate) async fn finish(self: &Arc<Self>, playout: &Playout<MockHost>) {
        let world = Arc::clone(self);
        let (done, finished) = tokio::sync::oneshot::channel();
        playout.finish(Box::new(move || {
            world.note(Event::Done);
            let _nobody_waits = done.send(());
        }));
        finished.await.expect("the end is called in any case");
    }

    /// Wait for the first event that is so.
    pub(crate) async fn until(&self, is_so: impl Fn(&Event) -> bool) {
        loop {
            let told = self.told.notified();
            if self.events().iter().any(&is_so) {
                return;
            }
            told.await;
        }
    }
}

impl Sink for World {
    fn try_write(&self, chunk: Bytes) -> Result<(), Refusal> {
        match lock(&self.peer).clone() {
            Peer::Takes => {
                self.note(Event::Wrote(chunk));
                Ok(())
            }
            Peer::Full | Peer::Lies => Err(Refusal::Full(chunk)),
            Peer::Closed => Err(Refusal::Closed),
            Peer::Fails(what) => Err(Refusal::Failed(what.to_owned())),
        }
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            loop {
                let changed = self.changed.notified();
                if *lock(&self.peer) != Peer::Full {
                    return;
                }
                changed.await;
            }
        })
    }

    fn interrupt(&self) {
        self.note(Event::SinkInterrupted);
    }
}

impl Outlet<MockHost> for World {
    fn push(&self, frame: Frame<MockHost>) {
        self.note(Event::Frame(frame.id));
    }

    fn played(&self, audio: PlayedAudio) {
        self.note(Event::Played(audio.samples, audio.kind, audio.context.as_deref().map(str::to_owned)));
    }

    fn speech(&self, speech: Speech) {
        self.note(Event::Speech(speech));
    }

    fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    fn failed(&self, what: String, fatal: bool) {
        self.note(Event::Failed(what, fatal));
    }
}

pub(crate) fn settings() -> PlayoutSettings {
    PlayoutSettings::new(RATE, 1)
}

pub(crate) fn frame(id: u64) -> Frame<MockHost> {
    testing::frame(id)
}

pub(crate) fn count(length: Duration) -> usize {
    (length.as_secs_f64() * f64::from(RATE)).round() as usize
}

pub(crate) fn bytes(samples: &[i16]) -> Bytes {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>().into()
}

pub(crate) fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}
