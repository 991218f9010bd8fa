//! A source of audio at the pace of a microphone.
//!
//! The schedule is absolute: a chunk is due when its last sample was taken, counted from the start,
//! so a late one delays itself alone and lateness does not add up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipecat_engine::{Frame, Host, Kind, Pusher, Worker};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::lateness::Lateness;

/// Makes the frame of a chunk: from where to where in the samples, in bytes.
type MakeFrame<H> = dyn Fn(usize, usize) -> Frame<H> + Send + Sync;

struct State<H: Host> {
    pusher: Option<Pusher<H>>,
    pacing: Option<JoinHandle<()>>,
}

/// Passes frames on, and from the start to the end adds audio of its own, in time.
pub struct PacedSource<H: Host> {
    state: Mutex<State<H>>,
    make: Arc<MakeFrame<H>>,
    bytes: usize,
    chunk_bytes: usize,
    chunk: Duration,
    repeats: bool,
    lateness: Arc<Lateness>,
    runtime: Handle,
}

impl<H: Host> PacedSource<H> {
    /// A source of `bytes` of audio in chunks of `chunk_bytes` that last `chunk` each.
    pub fn new(
        runtime: Handle,
        bytes: usize,
        chunk_bytes: usize,
        chunk: Duration,
        repeats: bool,
        make: Arc<MakeFrame<H>>,
    ) -> Self {
        let state = Mutex::new(State { pusher: None, pacing: None });
        Self { state, make, bytes, chunk_bytes, chunk, repeats, lateness: Arc::default(), runtime }
    }

    /// How late its chunks set out.
    #[must_use]
    pub fn lateness(&self) -> Arc<Lateness> {
        Arc::clone(&self.lateness)
    }

    fn state(&self) -> MutexGuard<'_, State<H>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, pusher: Pusher<H>) {
        let (make, lateness) = (Arc::clone(&self.make), Arc::clone(&self.lateness));
        let (bytes, chunk_bytes, chunk, repeats) = (self.bytes, self.chunk_bytes, self.chunk, self.repeats);
        let pacing = self.runtime.spawn(async move {
            let mut due = Instant::now();
            let mut offset = 0;
            while offset < bytes {
                due += chunk;
                sleep_until(due).await;
                lateness.record(Instant::now().saturating_duration_since(due));
                if !pusher.push(make(offset, (offset + chunk_bytes).min(bytes))) {
                    return; // the task is over
                }
                offset += chunk_bytes;
                if repeats && offset >= bytes {
                    offset = 0;
                }
            }
        });
        self.state().pacing = Some(pacing);
    }

    fn end(&self) {
        if let Some(pacing) = self.state().pacing.take() {
            pacing.abort();
        }
    }
}

impl<H: Host> Worker<H> for PacedSource<H> {
    fn post(&self, frame: Frame<H>) {
        let Some(pusher) = self.state().pusher.clone() else { return };
        let kind = frame.class.kind;
        if kind.is_terminal() {
            self.end();
        }
        pusher.push(frame);
        if kind == Kind::Start {
            self.begin(pusher);
        }
    }

    fn attach(&self, pusher: Pusher<H>) {
        self.state().pusher = Some(pusher);
    }
}

impl<H: Host> Drop for PacedSource<H> {
    fn drop(&mut self) {
        self.end();
    }
}
