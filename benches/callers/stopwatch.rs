//! Measured times, and what is said of them.

use std::time::Duration;

use serde_json::{Value, json};

/// Bounds of the histogram's bins, in µs; the last bin has all above.
const BINS: [u32; 19] = [
    100, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000, 50_000,
    100_000, 200_000, 500_000, 1_000_000,
];

/// Measured times.
#[derive(Clone, Default)]
pub(crate) struct Times(Vec<u32>);

impl Times {
    /// Add one.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// Add all of another.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Count, percentiles in ms, and a histogram.
    pub(crate) fn summary(&self) -> Value {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let Some(&most) = sorted.last() else { return json!({"count": 0}) };
        let ms = |share: f64| {
            let rank = (sorted.len() as f64 * share).ceil() as usize;
            f64::from(sorted[rank.clamp(1, sorted.len()) - 1]) / 1e3
        };
        let mean = sorted.iter().map(|us| f64::from(*us)).sum::<f64>() / sorted.len() as f64 / 1e3;
        let mut below = 0;
        let mut bins: Vec<usize> = BINS
            .iter()
            .map(|bound| {
                let here = sorted.partition_point(|us| us < bound);
                here - std::mem::replace(&mut below, here)
            })
            .collect();
        bins.push(sorted.len() - below);
        json!({
            "count": sorted.len(), "mean": mean, "p50": ms(0.5), "p90": ms(0.9), "p99": ms(0.99),
            "p999": ms(0.999), "max": f64::from(most) / 1e3,
            "bounds_ms": BINS.map(|us| f64::from(us) / 1e3), "bins": bins,
        })
    }
}
