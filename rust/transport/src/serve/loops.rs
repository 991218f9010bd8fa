//! The event loops that sessions are spread over.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::exposition::Exposition;
use super::pulse::Pulse;
use super::session::Session;

/// A loop that has not answered for this long gets no session while another one does.
const SILENT: Duration = Duration::from_millis(100);

/// An event loop, as a server uses it. Called on the runtime's threads: nothing here may block.
pub trait SessionLoop: Send + Sync + 'static {
    /// Run the bot of a session.
    fn take(&self, session: Session);

    /// Call [`Pulse::answer`] on the loop.
    fn ask(&self, pulse: Arc<Pulse>);
}

/// A loop and its load.
pub(super) struct Seat {
    pub(super) number: usize,
    pub(super) sessions: AtomicUsize,
    pub(super) pulse: Arc<Pulse>,
    pub(super) event_loop: Box<dyn SessionLoop>,
}

/// All of a server's loops.
#[derive(Default)]
pub(super) struct Loops {
    seats: RwLock<Vec<Arc<Seat>>>,
    made: AtomicUsize,
}

impl Loops {
    pub(super) fn all(&self) -> Vec<Arc<Seat>> {
        self.seats.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Use a loop from now on. The number that is returned names it.
    pub(super) fn add(&self, event_loop: Box<dyn SessionLoop>) -> usize {
        let number = self.made.fetch_add(1, Relaxed);
        let seat = Seat { number, sessions: AtomicUsize::new(0), pulse: Arc::default(), event_loop };
        self.seats.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(seat));
        number
    }

    /// Use a loop no more.
    pub(super) fn remove(&self, number: usize) {
        self.seats.write().unwrap_or_else(PoisonError::into_inner).retain(|seat| seat.number != number);
    }

    /// The loop with the fewest sessions, among those that answer if any do.
    pub(super) fn choose(&self, now: Instant) -> Option<Arc<Seat>> {
        let rank = |seat: &Arc<Seat>| (seat.pulse.silent_for(now) > SILENT, seat.sessions.load(Relaxed));
        self.seats
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .min_by_key(|seat| rank(seat))
            .cloned()
    }

    /// Ask all of them.
    pub(super) fn ask(&self, now: Instant) {
        for seat in self.all() {
            if seat.pulse.ask(now) {
                seat.event_loop.ask(Arc::clone(&seat.pulse));
            }
        }
    }

    /// For how long the one that answers soonest has not answered.
    pub(super) fn shortest_silence(&self, now: Instant) -> Duration {
        self.all().iter().map(|seat| seat.pulse.silent_for(now)).min().unwrap_or_default()
    }

    pub(super) fn write(&self, text: &mut Exposition) {
        let seats = self.all();
        let label = |seat: &Arc<Seat>| format!("loop=\"{}\"", seat.number);
        let name = "pipecat_rs_loop_sessions";
        text.family(name, "gauge", "Sessions on each event loop.");
        for seat in &seats {
            text.sample(name, &label(seat), seat.sessions.load(Relaxed));
        }
        let name = "pipecat_rs_event_loop_delay_seconds";
        text.family(name, "histogram", "How long an event loop took to answer.");
        for seat in &seats {
            text.lateness(name, &label(seat), &seat.pulse.delays().counts());
        }
    }
}
