//! From any thread to the loop's thread, without a lock and without the host's language.
//!
//! Producers push, then ring the bell only if the loop said that it is about to sleep. The loop
//! arms, **looks at the queue again**, and only then sleeps. Both sides are sequentially
//! consistent: with weaker orders each could miss the other's store, and a frame would wait until
//! the next one comes.
//!
//! Waking an idle loop costs more than what is done with a frame of audio. So a producer may be
//! *patient*: if the loop was woken a moment ago, the bell rings once for all that comes within a
//! millisecond. Whoever is not patient rings for them too.

use std::ops::Range;
use std::sync::Arc;

use crate::epoch::Epoch;
use crate::frame::Frame;
use crate::graph::{Edge, Link};
use crate::host::{Bell, Host};
use crate::sync::{AtomicU32, Ordering, Queue};

/// Something for the loop's thread.
pub enum Post<H: Host> {
    /// A frame for a foreign processor.
    Frame {
        /// Number of the graph in its scheduler: the slot may have another occupant by now.
        graph: u32,
        /// Number of its slot.
        slot: u32,
        /// The frame.
        frame: Frame<H>,
    },
    /// A frame that left a graph.
    Left {
        /// Number of the graph in its scheduler.
        graph: u32,
        /// Where it left.
        edge: Edge,
        /// The frame.
        frame: Frame<H>,
    },
    /// An epoch that nodes are to know of.
    Epoch {
        /// Number of the graph in its scheduler.
        graph: u32,
        /// The nodes.
        nodes: Range<u32>,
        /// The epoch.
        epoch: Epoch,
    },
    /// A hop that an observer wants to hear of.
    Hop {
        /// Number of the graph in its scheduler.
        graph: u32,
        /// Node that pushed.
        source: u32,
        /// Where to.
        target: Link,
        /// The frame.
        frame: Frame<H>,
    },
    /// A native processor panicked.
    Failed(Failure),
}

/// A panic of a native processor. What it had in hand is lost; it goes on with the next frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Number of the graph in its scheduler.
    pub graph: u32,
    /// The processor's node.
    pub node: u32,
    /// What it said.
    pub message: String,
}

/// The loop is awake, or the bell has rung.
const RUNG: u32 = 0;
/// The bell is going to ring.
const SOON: u32 = 1;
/// The loop may sleep.
const ARMED: u32 = 2;

/// Queue and bell of one loop.
pub struct Inbox<H: Host> {
    queue: Queue<Post<H>>,
    state: AtomicU32,
    bell: Arc<dyn Bell>,
}

impl<H: Host> Inbox<H> {
    /// An empty inbox, armed.
    #[must_use]
    pub fn new(bell: Arc<dyn Bell>) -> Self {
        Self { queue: Queue::new(), state: AtomicU32::new(ARMED), bell }
    }

    /// Append; wake the loop if it may sleep. Never waits.
    pub fn post(&self, post: Post<H>) {
        self.queue.push(post);
        if self.state.swap(RUNG, Ordering::SeqCst) != RUNG {
            self.bell.ring();
        }
    }

    /// Append; wake the loop within a millisecond or so if it may sleep, together with others.
    pub fn post_patiently(&self, post: Post<H>) {
        self.queue.push(post);
        let first = self.state.compare_exchange(ARMED, SOON, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if first && !self.bell.ring_later() {
            self.ring_if_due();
        }
    }

    /// Ring for those who were patient, unless somebody has meanwhile or the loop came by itself.
    pub fn ring_if_due(&self) {
        if self.state.compare_exchange(SOON, RUNG, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.bell.ring();
        }
    }

    /// The next post.
    pub fn take(&self) -> Option<Post<H>> {
        self.queue.pop()
    }

    /// Whether everything posted so far has been taken.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Say that the loop is about to sleep. False: something came meanwhile and must be drained first.
    #[must_use]
    pub fn arm(&self) -> bool {
        // A swap and not a store: loom, which knows no order of plain sequentially consistent stores,
        // can then show that no wake-up is lost.
        self.state.swap(ARMED, Ordering::SeqCst);
        // If a producer took the arming before we do, it has rung: the loop will be called again. One
        // that is going to ring finds that there is no need.
        self.queue.is_empty() || self.state.swap(RUNG, Ordering::SeqCst) == RUNG
    }
}

#[cfg(all(test, engine_loom))]
mod models {
    use super::*;
    use crate::testing::{MockHost, frame};
    use loom::sync::atomic::AtomicUsize;

    struct Counter(AtomicUsize);
    impl Bell for Counter {
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_patient_post_is_taken_or_the_bell_rings_in_the_end() {
        loom::model(|| {
            struct Later(AtomicUsize, AtomicUsize);
            impl Bell for Later {
                fn ring(&self) {
                    self.0.fetch_add(1, Ordering::SeqCst);
                }
                fn ring_later(&self) -> bool {
                    self.1.fetch_add(1, Ordering::SeqCst);
                    true
                }
            }
            struct Shared(loom::sync::Arc<Later>);
            impl Bell for Shared {
                fn ring(&self) {
                    self.0.ring();
                }
                fn ring_later(&self) -> bool {
                    self.0.ring_later()
                }
            }
            let bell = loom::sync::Arc::new(Later(AtomicUsize::new(0), AtomicUsize::new(0)));
            let inbox = loom::sync::Arc::new(Inbox::<MockHost>::new(Arc::new(Shared(bell.clone()))));
            inbox.state.store(RUNG, Ordering::SeqCst); // the loop is awake
            let patient = {
                let inbox = inbox.clone();
                loom::thread::spawn(move || {
                    inbox.post_patiently(Post::Frame { graph: 0, slot: 0, frame: frame(1) });
                })
            };
            let urgent = {
                let inbox = inbox.clone();
                loom::thread::spawn(move || {
                    inbox.post(Post::Frame { graph: 0, slot: 0, frame: frame(2) });
                })
            };
            let mut taken = 0;
            loop {
                while inbox.take().is_some() {
                    taken += 1;
                }
                if inbox.arm() {
                    break;
                }
            }
            patient.join().unwrap();
            urgent.join().unwrap();
            // The promised call comes at some time after the promise.
            if bell.1.load(Ordering::SeqCst) > 0 {
                inbox.ring_if_due();
            }
            let mut left = 0;
            while inbox.take().is_some() {
                left += 1;
            }
            assert_eq!(taken + left, 2);
            assert!(left == 0 || bell.0.load(Ordering::SeqCst) > 0, "lost wake-up");
        });
    }

    #[test]
    fn a_post_is_taken_or_the_bell_rings() {
        loom::model(|| {
            let bell = loom::sync::Arc::new(Counter(AtomicUsize::new(0)));
            struct Shared(loom::sync::Arc<Counter>);
            impl Bell for Shared {
                fn ring(&self) {
                    self.0.ring();
                }
            }
            let inbox = loom::sync::Arc::new(Inbox::<MockHost>::new(Arc::new(Shared(bell.clone()))));
            inbox.state.store(RUNG, Ordering::SeqCst); // the loop is awake
            let producer = {
                let inbox = inbox.clone();
                loom::thread::spawn(move || {
                    for id in 1..=2 {
                        inbox.post(Post::Frame { graph: 0, slot: 0, frame: frame(id) });
                    }
                })
            };
            let mut taken = 0;
            loop {
                while inbox.take().is_some() {
                    taken += 1;
                }
                if inbox.arm() {
                    break;
                }
            }
            producer.join().unwrap();
            // What is left in the queue was announced by the bell.
            let mut left = 0;
            while inbox.take().is_some() {
                left += 1;
            }
            assert_eq!(taken + left, 2);
            assert!(left == 0 || bell.0.load(Ordering::SeqCst) > 0, "lost wake-up");
        });
    }
}
