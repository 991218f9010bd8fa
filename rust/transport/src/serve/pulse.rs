//! How long an event loop takes to answer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::lateness::Lateness;

/// What a loop is asked every so often, and how long its answers took.
pub struct Pulse {
    base: Instant,
    /// When the question was asked that is not answered yet, in µs after `base`. 0: none is open.
    asked: AtomicU64,
    delays: Lateness,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { base: Instant::now(), asked: AtomicU64::new(0), delays: Lateness::default() }
    }
}

impl Pulse {
    fn micros(&self, now: Instant) -> u64 {
        (now.saturating_duration_since(self.base).as_micros() as u64).max(1)
    }

    /// Ask, unless a question is open. Whoever gets true passes it on to the loop.
    pub(super) fn ask(&self, now: Instant) -> bool {
        self.asked.compare_exchange(0, self.micros(now), Relaxed, Relaxed).is_ok()
    }

    /// The loop answers.
    pub fn answer(&self, now: Instant) {
        let asked = self.asked.swap(0, Relaxed);
        if asked > 0 {
            self.delays.record(Duration::from_micros(self.micros(now).saturating_sub(asked)));
        }
    }

    /// For how long the open question has not been answered.
    #[must_use]
    pub fn silent_for(&self, now: Instant) -> Duration {
        match self.asked.load(Relaxed) {
            0 => Duration::ZERO,
            asked => Duration::from_micros(self.micros(now).saturating_sub(asked)),
        }
    }

    /// How long the answers took.
    #[must_use]
    pub fn delays(&self) -> &Lateness {
        &self.delays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_silent_until_it_answers_and_is_not_asked_twice() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        assert!(pulse.ask(start));
        assert!(!pulse.ask(start + Duration::from_secs(1)));
        assert!(pulse.silent_for(start + Duration::from_secs(2)) >= Duration::from_millis(1_999));
        pulse.answer(start + Duration::from_secs(3));
        assert_eq!(pulse.silent_for(start + Duration::from_secs(4)), Duration::ZERO);
        assert_eq!(pulse.delays().count(), 1);
        assert!(pulse.delays().max() >= Duration::from_millis(2_999));
        assert!(pulse.ask(start + Duration::from_secs(5)));
    }
}
