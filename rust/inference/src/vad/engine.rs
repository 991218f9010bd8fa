//! The thread that runs the network.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::gathering::Gathering;
use super::line::{Call, Calls, Item, Line};
use super::seat::{DetectorParams, Listener, Seat, VoiceReport};
use super::{VadNetwork, VadRate, VadWindow};
use crate::InferenceError;

/// Windows that the network hears at once at most: more gain nothing and delay the first.
const LARGEST_BATCH: usize = 128;

/// Listens to many streams with one network, on a thread of its own that ends with the engine.
pub struct VadEngine {
    hears: [bool; 2],
    openings: Box<dyn Fn(Arc<Line>, DetectorParams, Listener) + Send + Sync>,
    shared: Arc<Shared>,
}

/// What detectors keep of an engine.
pub(super) struct Shared {
    began: Instant,
    /// Where the thread is: a forked process has none.
    process: u32,
    next_line: AtomicU64,
    call: Box<dyn Fn(Arc<Line>) + Send + Sync>,
    close: Box<dyn Fn() + Send + Sync>,
    thread: Mutex<Option<JoinHandle<()>>>,
    ran: Arc<Ran>,
}

/// What has run.
#[derive(Default)]
struct Ran {
    windows: AtomicU64,
    batches: AtomicU64,
}

impl VadEngine {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread.
    pub fn start<N: VadNetwork>(network: Arc<N>) -> std::io::Result<Self> {
        let began = Instant::now();
        let calls: Arc<Calls<N::Memory>> = Arc::default();
        let ran: Arc<Ran> = Arc::default();
        let hears = VadRate::ALL.map(|rate| network.hears(rate));
        let hearing = Hearing::new(Arc::clone(&network), Arc::clone(&calls), Arc::clone(&ran), began);
        let handle = Builder::new().name("pipecat-vad".to_owned()).spawn(move || hearing.run())?;
        let thread = handle.thread().clone();
        let (due, open) = (Arc::clone(&calls), Arc::clone(&calls));
        let (due_thread, open_thread): (Thread, Thread) = (thread.clone(), thread.clone());
        Ok(Self {
            hears,
            openings: Box::new(move |line, params, listener| {
                let seat = Box::new(Seat::new(Arc::clone(&line), network.memory(), params, listener));
                open.push(Call::Open(line, seat), &open_thread);
            }),
            shared: Arc::new(Shared {
                began,
                process: std::process::id(),
                next_line: AtomicU64::new(0),
                call: Box::new(move |line| due.push(Call::Due(line), &due_thread)),
                close: Box::new(move || calls.close(&thread)),
                thread: Mutex::new(Some(handle)),
                ran,
            }),
        })
    }

    /// Whether its network hears at a rate.
    #[must_use]
    pub fn hears(&self, rate: VadRate) -> bool {
        self.hears[rate as usize]
    }

    /// How many windows have run, and in how many batches.
    #[must_use]
    pub fn ran(&self) -> (u64, u64) {
        let ran = &self.shared.ran;
        (ran.windows.load(Ordering::Relaxed), ran.batches.load(Ordering::Relaxed))
    }

    /// Begin a stream, at 16 kHz unless it says otherwise.
    pub(super) fn open(&self, params: DetectorParams, listener: Listener) -> Stream {
        let line = Arc::new(Line::new(self.shared.next_line.fetch_add(1, Ordering::Relaxed)));
        (self.openings)(Arc::clone(&line), params, listener);
        Stream { line, shared: Arc::clone(&self.shared) }
    }

    /// Whether its thread is in this process. One that was forked later needs an engine of its own.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.shared.process == std::process::id()
    }

    /// Ends the thread once the batch in hand has run. Nobody is told anything afterwards.
    pub fn close(&self) {
        let handle = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if !self.is_here() {
            // There is nothing to wait for, or to let go of.
            std::mem::forget(handle);
            return;
        }
        (self.shared.close)();
        if let Some(handle) = handle
            && handle.thread().id() != std::thread::current().id()
        {
            let _panic = handle.join();
        }
    }
}

impl Drop for VadEngine {
    fn drop(&mut self) {
        self.close();
    }
}

/// A stream's end of its line. The stream is over when it is dropped.
pub(super) struct Stream {
    line: Arc<Line>,
    shared: Arc<Shared>,
}

impl Stream {
    pub(super) fn push_window(&self, samples: &[i16], settles: bool) {
        self.line.push_window(samples, settles);
        self.call();
    }

    pub(super) fn push(&self, item: Item) {
        self.line.items.push(item);
        self.call();
    }

    /// Audio has come, be it less than a window.
    pub(super) fn hears_audio(&self) {
        self.line.heard_at(self.shared.began.elapsed());
    }

    pub(super) fn dropped(&self) -> u64 {
        self.line.dropped()
    }

    fn call(&self) {
        if self.line.wants_call() {
            (self.shared.call)(Arc::clone(&self.line));
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.line.close();
        self.call();
    }
}

/// A window whose turn has come, with its stream's seat, which is out of the table meanwhile.
struct Turn<M> {
    seat: Box<Seat<M>>,
    samples: Box<[i16]>,
    settles: bool,
    confidence: f32,
}

/// The thread's own.
struct Hearing<N: VadNetwork> {
    network: Arc<N>,
    calls: Arc<Calls<N::Memory>>,
    ran: Arc<Ran>,
    began: Instant,
    seats: HashMap<u64, Box<Seat<N::Memory>>>,
    due: Vec<Arc<Line>>,
    gathering: Gathering,
    /// No speech will have stopped for want of audio before this.
    next_idle: Option<Duration>,
}

impl<N: VadNetwork> Hearing<N> {
    fn new(network: Arc<N>, calls: Arc<Calls<N::Memory>>, ran: Arc<Ran>, began: Instant) -> Self {
        Self {
            network,
            calls,
            ran,
            began,
            seats: HashMap::new(),
            due: Vec::new(),
            gathering: Gathering::new(began),
            next_idle: None,
        }
    }

    fn run(mut self) {
        while !self.calls.is_closed() {
            self.answer_calls();
            if self.due.is_empty() {
                self.end_speech_without_audio();
                let idle = self.next_idle.map(|next| next.saturating_sub(self.began.elapsed()));
                // A millisecond more, for the clock of the streams counts whole ones.
                self.calls.sleep(idle.map(|idle| idle + Duration::from_millis(1)));
                continue;
            }
            if let Some(wait) = self.gathering.wait(self.due.len()) {
                self.gather(wait);
            }
            self.round();
            self.end_speech_without_audio();
        }
    }

    fn answer_calls(&mut self) {
        while let Some(call) = self.calls.pop() {
            match call {
                Call::Open(line, seat) => {
                    self.seats.insert(line.number, seat);
                }
                Call::Due(line) => self.due.push(line),
            }
        }
    }

    /// Wait, and be called for nothing.
    fn gather(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            std::thread::park_timeout(left);
            if self.calls.is_closed() {
                return;
            }
        }
        self.answer_calls();
    }

    /// One window of each stream that has one.
    fn round(&mut self) {
        let now = Instant::now();
        let mut turns = VadRate::ALL.map(|_| Vec::new());
        for line in std::mem::take(&mut self.due) {
            if let Some(turn) = self.next_turn(&line, now) {
                turns[turn.seat.rate as usize].push(turn);
                self.due.push(line);
            }
        }
        for (rate, turns) in VadRate::ALL.into_iter().zip(turns) {
            self.run_turns(rate, turns);
        }
    }

    /// The next window of a stream; none if it is done for now, or for ever.
    fn next_turn(&mut self, line: &Arc<Line>, now: Instant) -> Option<Turn<N::Memory>> {
        let mut seat = self.seats.remove(&line.number)?;
        loop {
            if line.is_closed() {
                return None;
            }
            match line.pop(now) {
                Some(Item::Window { samples, settles, .. }) => {
                    return Some(Turn { seat, samples, settles, confidence: 0.0 });
                }
                Some(Item::Rate(rate)) => seat.set_rate(rate, self.network.memory()),
                Some(Item::Params(params)) => seat.set_params(params),
                Some(Item::Drain(mark)) => seat.tell(VoiceReport::Drained(mark)),
                None if line.rest() => {}
                None => {
                    self.seats.insert(line.number, seat);
                    return None;
                }
            }
        }
    }

    fn run_turns(&mut self, rate: VadRate, mut turns: Vec<Turn<N::Memory>>) {
        for batch in turns.chunks_mut(LARGEST_BATCH) {
            if let Err(error) = run_batch(&*self.network, rate, batch) {
                batch.iter_mut().for_each(|turn| turn.seat.failed(&error));
            }
            self.ran.windows.fetch_add(batch.len() as u64, Ordering::Relaxed);
            self.ran.batches.fetch_add(1, Ordering::Relaxed);
        }
        self.gathering.ran(Instant::now(), turns.len());
        for Turn { mut seat, samples, settles, confidence } in turns {
            if seat.heard(&samples, confidence, settles) {
                seat.memory = self.network.memory();
            }
            if let Some(deadline) = seat.idle_deadline() {
                self.next_idle = Some(self.next_idle.map_or(deadline, |next| next.min(deadline)));
            }
            self.seats.insert(seat.line.number, seat);
        }
    }

    fn end_speech_without_audio(&mut self) {
        let now = self.began.elapsed();
        if self.next_idle.is_none_or(|next| now < next) {
            return;
        }
        for seat in self.seats.values_mut() {
            if seat.idle_deadline().is_some_and(|deadline| deadline <= now) {
                seat.ceased();
            }
        }
        self.next_idle = self.seats.values().filter_map(|seat| seat.idle_deadline()).min();
    }
}

fn run_batch<N: VadNetwork>(
    network: &N,
    rate: VadRate,
    batch: &mut [Turn<N::Memory>],
) -> Result<(), InferenceError> {
    let mut windows: Vec<VadWindow<'_, N::Memory>> = batch
        .iter_mut()
        .map(|turn| VadWindow { samples: &turn.samples, memory: &mut turn.seat.memory, confidence: 0.0 })
        .collect();
    let ran = catch_unwind(AssertUnwindSafe(|| network.run(rate, &mut windows)));
    let confidences: Vec<f32> = windows.iter().map(|window| window.confidence).collect();
    let panicked =
        |_panic| InferenceError::Run { network: "voice activity", cause: "it panicked".to_owned() };
    ran.map_err(panicked)??;
    batch.iter_mut().zip(confidences).for_each(|(turn, confidence)| turn.confidence = confidence);
    Ok(())
}
