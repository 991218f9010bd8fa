//! How late something was, as a histogram that any thread may write and read.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper ends of the buckets, in µs: a quarter of an octave each, from 16 µs to about 4 s.
const BUCKETS: usize = 72;
const FIRST_US: f64 = 16.0;

/// How late chunks were written, by all playouts of the process.
static OUTPUT: LazyLock<Lateness> = LazyLock::new(Lateness::default);

/// A histogram of lateness.
pub struct Lateness {
    buckets: [AtomicU64; BUCKETS],
    count: AtomicU64,
    sum_us: AtomicU64,
    max_us: AtomicU64,
}

impl Default for Lateness {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            count: AtomicU64::new(0),
            sum_us: AtomicU64::new(0),
            max_us: AtomicU64::new(0),
        }
    }
}

impl Lateness {
    /// How late the process's output was written, all playouts together.
    #[must_use]
    pub fn of_output() -> &'static Self {
        &OUTPUT
    }

    /// Count one.
    pub fn record(&self, late: Duration) {
        let us = late.as_micros().min(u128::from(u64::MAX)) as u64;
        self.buckets[bucket_of(us)].fetch_add(1, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
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
        self.counts().quantile(share).min(self.max())
    }

    /// What was counted so far, to be compared with a later look.
    #[must_use]
    pub fn counts(&self) -> LatenessCounts {
        LatenessCounts {
            buckets: std::array::from_fn(|index| self.buckets[index].load(Ordering::Relaxed)),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

/// A look at a [`Lateness`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatenessCounts {
    buckets: [u64; BUCKETS],
    sum_us: u64,
}

impl Default for LatenessCounts {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], sum_us: 0 }
    }
}

impl LatenessCounts {
    /// What was counted since an earlier look at the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            buckets: std::array::from_fn(|index| self.buckets[index].saturating_sub(earlier.buckets[index])),
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
        }
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us)
    }

    /// What a share of them (0 to 1) did not exceed, to a quarter of an octave.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket;
            if seen >= wanted && seen > 0 {
                return Duration::from_micros(end_of(index) as u64);
            }
        }
        Duration::ZERO
    }

    /// For each octave its upper end, and how many were not later than that: 256 µs to 2.1 s.
    pub fn octaves(&self) -> impl Iterator<Item = (Duration, u64)> {
        (16..=68).step_by(4).map(|last| {
            let end = Duration::from_micros(end_of(last) as u64);
            (end, self.buckets[..=last].iter().sum())
        })
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
    fn a_later_look_tells_what_came_in_between() {
        let lateness = Lateness::default();
        lateness.record(Duration::from_secs(1));
        let before = lateness.counts();
        lateness.record(Duration::from_millis(1));
        let between = lateness.counts().since(&before);
        assert_eq!((between.count(), between.sum()), (1, Duration::from_millis(1)));
        assert!(between.quantile(1.0) < Duration::from_millis(2));
        let octaves: Vec<_> = between.octaves().collect();
        assert_eq!(octaves.first(), Some(&(Duration::from_micros(256), 0)));
        assert_eq!(octaves.last(), Some(&(Duration::from_micros(2_097_152), 1)));
        assert!(octaves.contains(&(Duration::from_micros(1_024), 1)));
    }

    #[test]
    fn nothing_counted_is_not_late() {
        assert_eq!(Lateness::default().quantile(0.99), Duration::ZERO);
    }
}
