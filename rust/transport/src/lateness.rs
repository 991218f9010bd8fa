//! How late something was, as a histogram that any thread may write and read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper ends of the buckets, in µs: a quarter of an octave each, from 16 µs to about 4 s.
const BUCKETS: usize = 72;
const FIRST_US: f64 = 16.0;

/// A histogram of lateness.
pub struct Lateness {
    buckets: [AtomicU64; BUCKETS],
    count: AtomicU64,
    max_us: AtomicU64,
}

impl Default for Lateness {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            count: AtomicU64::new(0),
            max_us: AtomicU64::new(0),
        }
    }
}

impl Lateness {
    /// Count one.
    pub fn record(&self, late: Duration) {
        let us = late.as_micros().min(u128::from(u64::MAX)) as u64;
        self.buckets[bucket_of(us)].fetch_add(1, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The worst.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_us.load(Ordering::Relaxed))
    }

    /// What a share of them (0 to 1) did not exceed, to a quarter of an octave.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket.load(Ordering::Relaxed);
            if seen >= wanted && seen > 0 {
                return Duration::from_micros(end_of(index) as u64).min(self.max());
            }
        }
        Duration::ZERO
    }
}

fn end_of(index: usize) -> f64 {
    FIRST_US * 2f64.powf(index as f64 / 4.0)
}

fn bucket_of(us: u64) -> usize {
    if us as f64 <= FIRST_US {
        return 0;
    }
    ((us as f64 / FIRST_US).log2() * 4.0).ceil().min((BUCKETS - 1) as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_quarter_of_an_octave() {
        let lateness = Lateness::default();
        for ms in 1..=100 {
            lateness.record(Duration::from_millis(ms));
        }
        assert_eq!(lateness.count(), 100);
        assert_eq!(lateness.max(), Duration::from_millis(100));
        let median = lateness.quantile(0.5).as_secs_f64();
        assert!((0.05..0.06).contains(&median), "{median}");
        assert_eq!(lateness.quantile(1.0), Duration::from_millis(100));
    }

    #[test]
    fn nothing_counted_is_not_late() {
        assert_eq!(Lateness::default().quantile(0.99), Duration::ZERO);
    }
}
