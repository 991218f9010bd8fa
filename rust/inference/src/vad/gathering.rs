use std::time::{Duration, Instant};

/// Below so many windows a second, batches would save less than they delay: 16 streams have them.
const LOADED: f64 = 500.0;
/// A batch of so many has all of the gain there is, in the network and in waking up for it.
const TARGET: f64 = 32.0;
/// Speech is told of 200 ms after it began: nobody hears this much more.
const LONGEST: Duration = Duration::from_millis(10);
/// Over which the load is measured.
const PERIOD: Duration = Duration::from_millis(100);

/// Decides whether to wait for more windows before a batch runs. Only under load: a few streams are
/// answered at once.
#[derive(Debug)]
pub(super) struct Gathering {
    since: Instant,
    windows: u32,
    per_second: f64,
}

impl Gathering {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, windows: 0, per_second: 0.0 }
    }

    /// So many windows have run.
    pub(super) fn ran(&mut self, now: Instant, windows: usize) {
        self.windows += windows as u32;
        let passed = now.saturating_duration_since(self.since);
        if passed >= PERIOD {
            self.per_second = f64::from(self.windows) / passed.as_secs_f64();
            (self.since, self.windows) = (now, 0);
        }
    }

    /// How long to wait when so many are due.
    pub(super) fn wait(&self, due: usize) -> Option<Duration> {
        let missing = TARGET - due as f64;
        (self.per_second >= LOADED && missing > 0.0)
            .then(|| Duration::from_secs_f64(missing / self.per_second).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_streams_are_answered_at_once_and_many_gathered_for_a_few_milliseconds() {
        let start = Instant::now();
        let after = |windows| {
            let mut gathering = Gathering::new(start);
            gathering.ran(start + Duration::from_millis(100), windows);
            gathering
        };
        assert_eq!(after(40).wait(1), None);
        assert_eq!(after(100).wait(1), Some(LONGEST));
        assert_eq!(after(400).wait(28), Some(Duration::from_millis(1)));
        assert_eq!(after(400).wait(32), None);
    }

    #[test]
    fn the_load_is_that_of_the_latest_period() {
        let start = Instant::now();
        let mut gathering = Gathering::new(start);
        gathering.ran(start + Duration::from_millis(100), 1_000);
        gathering.ran(start + Duration::from_millis(150), 1);
        assert!(gathering.wait(1).is_some());
        gathering.ran(start + Duration::from_millis(210), 1);
        assert_eq!(gathering.wait(1), None);
    }
}
