//! One network for all streams of a process, on threads of its own.
//!
//! A judgement takes tens of milliseconds of a core, so it must run on no thread that keeps time.
//! Batches are of no use: judging four segments at once takes four times as long as one
//! (measured, ONNX runtime 1.32 on one thread). So requests are taken one by one, in the order in
//! which streams asked, and of each stream only the newest.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::TurnError;
use super::latest::{LatestQueue, Pushed};
use super::network::{Judge, Network};
use crate::Runtime;

/// Streams that may wait. At 30 ms each, the last of them waits for 4 s: then the user has been
/// quiet for so long that the turn is over without a judgement.
const MOST_WAITING: usize = 128;
/// From this probability on a turn is over.
const COMPLETE: f32 = 0.5;

/// What the network thinks of a segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// How likely it is that the turn is over, from 0 to 1.
    pub probability: f32,
    /// From the request to the answer.
    pub took: Duration,
}

impl Judgement {
    /// Whether the turn is over.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.probability > COMPLETE
    }
}

/// Takes the answer, on the network's thread.
pub type Answer = Box<dyn FnOnce(Result<Judgement, TurnError>) + Send>;

/// The network, for any number of streams. Its threads end when the last handle is gone.
pub struct SmartTurn {
    shared: Arc<Shared>,
}

/// A stream's way to the network. What it has asked is given up when it is dropped.
pub struct Stream {
    model: Arc<SmartTurn>,
    number: u64,
    newest: Arc<AtomicU64>,
}

struct Request {
    audio: Vec<i16>,
    sample_rate: u32,
    number: u64,
    /// Number of the stream's newest request.
    newest: Arc<AtomicU64>,
    asked: Instant,
    answer: Answer,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    open: Box<dyn Fn() -> Result<Box<dyn Judge>, TurnError> + Send + Sync>,
    most_workers: usize,
}

struct State {
    line: LatestQueue<Request>,
    workers: usize,
    idle: usize,
    closed: bool,
    next_stream: u64,
}

impl SmartTurn {
    /// Loads the network from an ONNX file. Takes a few hundred milliseconds.
    ///
    /// A judgement runs on `threads` threads. While streams wait, further copies of the network are
    /// loaded, at most one for each four cores.
    ///
    /// # Errors
    ///
    /// If the file is not there, or holds no smart-turn network of version 3.
    pub fn open(runtime: &Runtime, path: &Path, threads: usize) -> Result<Arc<Self>, TurnError> {
        let first = Network::open(runtime, path, threads)?;
        let (runtime, path): (Runtime, PathBuf) = (runtime.clone(), path.to_owned());
        let open = move || {
            let network = Network::open(&runtime, &path, threads)?;
            Ok(Box::new(network) as Box<dyn Judge>)
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self::of(Box::new(first), Box::new(open), (cores / 4).max(1), MOST_WAITING))
    }

    fn of(
        first: Box<dyn Judge>,
        open: Box<dyn Fn() -> Result<Box<dyn Judge>, TurnError> + Send + Sync>,
        most_workers: usize,
        most_waiting: usize,
    ) -> Arc<Self> {
        let state = State {
            line: LatestQueue::new(most_waiting),
            workers: 0,
            idle: 0,
            closed: false,
            next_stream: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), work: Condvar::new(), open, most_workers });
        shared.hire(&mut shared.lock(), Some(first));
        Arc::new(Self { shared })
    }

    /// Makes a stream.
    #[must_use]
    pub fn stream(self: &Arc<Self>) -> Stream {
        let mut state = self.shared.lock();
        state.next_stream += 1;
        Stream { model: Arc::clone(self), number: state.next_stream, newest: Arc::default() }
    }

    /// Streams that wait for an answer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().line.len()
    }
}

impl Drop for SmartTurn {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl Stream {
    /// Asks for a judgement of mono audio, without waiting. What the stream asked before is given
    /// up: its answer is [`TurnError::Superseded`].
    pub fn judge(&self, audio: Vec<i16>, sample_rate: u32, answer: Answer) {
        let number = self.newest.fetch_add(1, Ordering::AcqRel) + 1;
        let newest = Arc::clone(&self.newest);
        let request = Request { audio, sample_rate, number, newest, asked: Instant::now(), answer };
        let shared = &self.model.shared;
        let mut state = shared.lock();
        let pushed = state.line.push(self.number, request);
        if state.idle == 0 && state.workers < shared.most_workers {
            shared.hire(&mut state, None);
        }
        let waiting = state.line.len();
        drop(state);
        match pushed {
            Pushed::Waits => shared.work.notify_one(),
            Pushed::Replaced(older) => (older.answer)(Err(TurnError::Superseded)),
            Pushed::Full(refused) => (refused.answer)(Err(TurnError::Busy { waiting })),
        }
    }

    /// Gives up what was asked: the user speaks again.
    pub fn cancel(&self) {
        self.newest.fetch_add(1, Ordering::AcqRel);
        let waiting = self.model.shared.lock().line.remove(self.number);
        if let Some(request) = waiting {
            (request.answer)(Err(TurnError::Superseded));
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread, with a network or with one that it opens itself. If the system has no
    /// thread left, the others go on.
    fn hire(self: &Arc<Self>, state: &mut State, network: Option<Box<dyn Judge>>) {
        let shared = Arc::clone(self);
        let work = move || {
            if let Some(network) = network.or_else(|| (shared.open)().ok()) {
                shared.work(network);
            }
            shared.lock().workers -= 1;
        };
        if std::thread::Builder::new().name("pipecat-turn".to_owned()).spawn(work).is_ok() {
            state.workers += 1;
        }
    }

    /// A thread's life.
    fn work(&self, mut network: Box<dyn Judge>) {
        while let Some(request) = self.next() {
            let superseded = || request.newest.load(Ordering::Acquire) != request.number;
            let mut result = Err(TurnError::Superseded);
            if !superseded() {
                result = network
                    .judge(&request.audio, request.sample_rate)
                    .map(|probability| Judgement { probability, took: request.asked.elapsed() });
            }
            if superseded() {
                result = Err(TurnError::Superseded);
            }
            (request.answer)(result);
        }
    }

    /// Waits for a request; None when nobody can ask any more.
    fn next(&self) -> Option<Request> {
        let mut state = self.lock();
        loop {
            if let Some(request) = state.line.pop() {
                return Some(request);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
