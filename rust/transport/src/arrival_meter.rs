//! How regularly paced frames arrive at a place in a pipeline.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pipecat_engine::{Emit, Frame, Host, Inline};

use crate::lateness::Lateness;

/// What a meter has seen, for whoever reads it while it runs.
#[derive(Default)]
pub struct Arrivals {
    /// How late frames were, by the schedule that the first one began.
    pub lateness: Lateness,
    began: Mutex<Option<(Instant, u32)>>,
}

/// An inline processor that measures frames of one class and passes everything on.
pub struct ArrivalMeter {
    class: u16,
    chunk: Duration,
    arrivals: Arc<Arrivals>,
}

impl ArrivalMeter {
    /// For frames of a class that last `chunk` each.
    #[must_use]
    pub fn new(class: u16, chunk: Duration, arrivals: Arc<Arrivals>) -> Self {
        Self { class, chunk, arrivals }
    }

    fn arrived(&self, now: Instant) {
        let mut began = self.arrivals.began.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, count) = began.get_or_insert((now, 0));
        let due = *start + self.chunk * *count;
        // An early frame shows that the first one was late: the schedule begins with the earliest.
        if now < due {
            *start -= due - now;
        }
        self.arrivals.lateness.record(now.saturating_duration_since(due));
        *count += 1;
    }
}

impl<H: Host> Inline<H> for ArrivalMeter {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        if frame.class.id == self.class {
            self.arrived(Instant::now());
        }
        emit.forward(frame);
    }
}
