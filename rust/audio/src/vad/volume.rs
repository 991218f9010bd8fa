//! The volume of the latest 400 ms, after each window.
//!
//! The same as [`VolumeTracker`](crate::VolumeTracker)'s, which filters the whole block again each time:
//! 60 µs a window on the machine of the benchmarks, twice the work of a neural network in batches. Here
//! the filters run on with the stream, and only the block's first 64 ms are filtered again: further
//! on, nothing is left of the difference between what came before the block and its own end, which
//! the block is taken to follow.

use std::collections::VecDeque;

use crate::AudioError;
use crate::loudness::{FULL_SCALE, Filter, LoudnessMeter, block_volume};

/// The slowest filter forgets a third in 4 ms, and so all but one part in a million in this.
const FORGOTTEN_SECS: f64 = 0.064;

/// Measures the volume of a mono stream, window by window.
#[derive(Debug)]
pub struct WindowVolume {
    block: usize,
    /// The longest run of samples that both a block and a window are made of.
    group: usize,
    /// So many groups of a block are filtered again.
    anew: usize,
    weighting: Weighting,
    /// The latest samples, at most a block.
    samples: VecDeque<i16>,
    /// Energies of the groups of them.
    energies: VecDeque<f64>,
}

impl WindowVolume {
    /// Makes one for windows of so many samples.
    ///
    /// # Errors
    ///
    /// If the rate is outside of 4 to 384 kHz.
    pub fn new(sample_rate: u32, window: usize) -> Result<Self, AudioError> {
        let block = LoudnessMeter::new(sample_rate)?.block();
        let group = greatest_common_divisor(block, window.max(1));
        let forgotten = (FORGOTTEN_SECS * f64::from(sample_rate)).ceil() as usize;
        Ok(Self {
            block,
            group,
            anew: forgotten.div_ceil(group).min(block / group),
            weighting: Weighting {
                shelf: Filter::shelf(sample_rate.into()),
                high_pass: Filter::high_pass(sample_rate.into()),
            },
            samples: VecDeque::with_capacity(block + group),
            energies: VecDeque::with_capacity(block / group + 1),
        })
    }

    /// Takes a window in, and returns the volume of the latest 400 ms, from 0 (quiet) to 1 (loud); 0
    /// until there is as much. What a shorter piece holds beyond whole groups is left out.
    pub fn process(&mut self, window: &[i16]) -> f64 {
        for group in window.chunks_exact(self.group) {
            self.energies.push_back(self.weighting.energy(group.iter()));
            self.samples.extend(group);
            if self.samples.len() > self.block {
                self.samples.drain(..self.group);
                self.energies.pop_front();
            }
        }
        if self.samples.len() < self.block {
            return 0.0;
        }
        // The block follows upon itself, so it begins with the filters as they are at its end.
        let beginning = self.weighting.clone().energy(self.samples.range(..self.anew * self.group));
        let rest: f64 = self.energies.range(self.anew..).sum();
        block_volume((beginning + rest) / self.block as f64)
    }
}

#[derive(Debug, Clone)]
struct Weighting {
    shelf: Filter,
    high_pass: Filter,
}

impl Weighting {
    fn energy<'a>(&mut self, samples: impl Iterator<Item = &'a i16>) -> f64 {
        samples
            .map(|&sample| self.high_pass.next(self.shelf.next(f64::from(sample) / FULL_SCALE)).powi(2))
            .sum()
    }
}

fn greatest_common_divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::VolumeTracker;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// Windows of noise and of a low tone, whose levels jump: the worst for what is forgotten.
        #[test]
        fn it_is_that_of_the_whole_block(
            windows in vec((any::<bool>(), 0_u32..16, any::<u32>()), 20..50), at_8_khz: bool,
        ) {
            let (rate, size) = if at_8_khz { (8_000, 256) } else { (16_000, 512) };
            let mut measured = WindowVolume::new(rate, size).unwrap();
            let mut tracker = VolumeTracker::new(rate).unwrap();
            for (is_noise, level, seed) in windows {
                let mut state = u64::from(seed);
                let window: Vec<i16> = (0..size).map(|n| {
                    state = (state * 1_103_515_245 + 12_345) % (1 << 31);
                    let sample = if is_noise {
                        (state >> 15) as i32 - 32_768
                    } else {
                        (30_000.0 * (n as f64 * 60.0 / f64::from(rate) * std::f64::consts::TAU).sin()) as i32
                    };
                    (sample >> level) as i16
                }).collect();
                tracker.process(&window);
                prop_assert!((measured.process(&window) - tracker.volume()).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn silence_has_no_volume() {
        let mut volume = WindowVolume::new(16_000, 512).unwrap();
        assert!((0..30).all(|_| volume.process(&[0; 512]) == 0.0));
    }
}
