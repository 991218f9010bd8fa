//! What one stream has for the engine's thread, and how that thread is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crossbeam_queue::SegQueue;
use pipecat_rs_audio::vad::VadParams;

use super::VadRate;
use super::seat::Seat;

/// Windows of a stream that wait at most: 30 s. More than that comes only from files.
pub(super) const MOST_WAITING: usize = 938;
/// A window that waited for so long is dropped: the machine cannot keep up.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// In the order of the stream.
pub(super) enum Item {
    Window {
        samples: Box<[i16]>,
        /// Whether it is the last one of its piece of audio.
        settles: bool,
        submitted: Instant,
    },
    /// The windows behind it have another rate.
    Rate(VadRate),
    Params(VadParams),
    /// To be reported once everything before it has been.
    Drain(u64),
}

/// One stream's queue.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) items: SegQueue<Item>,
    waiting: AtomicUsize,
    dropped: AtomicU64,
    /// Whether the thread has been called for it, and has not yet found it empty.
    called: AtomicBool,
    closed: AtomicBool,
    /// When audio came last, in ms since the engine began.
    heard_ms: AtomicU64,
}

impl Line {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            items: SegQueue::new(),
            waiting: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            called: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            heard_ms: AtomicU64::new(0),
        }
    }

    /// Append a window; the oldest one goes if too many wait.
    pub(super) fn push_window(&self, samples: &[i16], settles: bool) {
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= MOST_WAITING {
            match self.items.pop() {
                Some(Item::Window { .. }) => self.drop_one(),
                Some(other) => self.items.push(other),
                None => {}
            }
        }
        self.items.push(Item::Window { samples: samples.into(), settles, submitted: Instant::now() });
    }

    /// The next item, without windows that have waited for too long.
    pub(super) fn pop(&self, now: Instant) -> Option<Item> {
        loop {
            let item = self.items.pop()?;
            if let Item::Window { submitted, .. } = &item {
                if now.saturating_duration_since(*submitted) > LONGEST_WAIT {
                    self.drop_one();
                    continue;
                }
                self.waiting.fetch_sub(1, Ordering::AcqRel);
            }
            return Some(item);
        }
    }

    fn drop_one(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(super) fn heard_at(&self, since_beginning: Duration) {
        self.heard_ms.store(since_beginning.as_millis() as u64, Ordering::Relaxed);
    }

    /// When audio came last, since the engine began.
    pub(super) fn last_heard(&self) -> Duration {
        Duration::from_millis(self.heard_ms.load(Ordering::Relaxed))
    }

    /// Whether the thread needs to be called.
    pub(super) fn wants_call(&self) -> bool {
        !self.called.swap(true, Ordering::SeqCst)
    }

    /// The thread found it empty. True: something came meanwhile, if only its end, and the thread goes
    /// on with it.
    pub(super) fn rest(&self) -> bool {
        self.called.store(false, Ordering::SeqCst);
        // Whoever appends does so before it looks whether to call: either it sees that it must, or
        // this sees the item.
        (!self.items.is_empty() || self.is_closed()) && self.wants_call()
    }
}

/// What the thread is called for.
pub(super) enum Call<M> {
    /// A stream begins.
    Open(Arc<Line>, Box<Seat<M>>),
    /// A stream has something.
    Due(Arc<Line>),
}

/// Calls the thread. Never waits.
pub(super) struct Calls<M> {
    queue: SegQueue<Call<M>>,
    /// Whether the thread may sleep.
    armed: AtomicBool,
    closed: AtomicBool,
}

impl<M> Default for Calls<M> {
    fn default() -> Self {
        Self { queue: SegQueue::new(), armed: AtomicBool::new(false), closed: AtomicBool::new(false) }
    }
}

impl<M> Calls<M> {
    pub(super) fn push(&self, call: Call<M>, thread: &Thread) {
        self.queue.push(call);
        if self.armed.swap(false, Ordering::SeqCst) {
            thread.unpark();
        }
    }

    pub(super) fn pop(&self) -> Option<Call<M>> {
        self.queue.pop()
    }

    pub(super) fn close(&self, thread: &Thread) {
        self.closed.store(true, Ordering::SeqCst);
        thread.unpark();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Sleep until there is a call, or for so long.
    pub(super) fn sleep(&self, longest: Option<Duration>) {
        self.armed.swap(true, Ordering::SeqCst);
        // Behind the arming: a call that came before it rang no bell.
        if self.queue.is_empty() && !self.is_closed() {
            match longest {
                Some(longest) => std::thread::park_timeout(longest),
                None => std::thread::park(),
            }
        }
        self.armed.store(false, Ordering::SeqCst);
    }
}
