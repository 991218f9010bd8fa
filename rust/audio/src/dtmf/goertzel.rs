use std::f32::consts::TAU;

/// Goertzel's filter: one frequency's part in a block, at the price of one multiplication a sample.
#[derive(Debug, Clone)]
pub(super) struct Goertzel {
    coefficient: f32,
}

impl Goertzel {
    pub(super) fn new(frequency: f32, sample_rate: f32) -> Self {
        Self { coefficient: 2.0 * (TAU * frequency / sample_rate).cos() }
    }

    /// The squared magnitude of the block's spectrum at the frequency.
    pub(super) fn power(&self, block: &[f32]) -> f32 {
        let (last, before) = block.iter().fold((0.0_f32, 0.0_f32), |(last, before), sample| {
            (sample + self.coefficient * last - before, last)
        });
        (last * last + before * before - self.coefficient * last * before).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_is_that_of_the_spectrum() {
        let block: Vec<f32> = (0..200).map(|n| (TAU * 1000.0 * n as f32 / 8000.0).sin()).collect();
        let at = |frequency| Goertzel::new(frequency, 8000.0).power(&block);
        assert!((at(1000.0) - 10_000.0).abs() < 10.0);
        assert!(at(1400.0) < 1.0);
    }
}
