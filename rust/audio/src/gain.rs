//! Louder and quieter, and what to do at full scale.

use crate::Stage;
use crate::sample::to_sample;

/// Multiplies samples, clamping at full scale.
#[derive(Debug, Clone)]
pub struct Gain {
    factor: f32,
}

impl Gain {
    /// Makes a stage that multiplies by `factor`: 1 changes nothing, 0.5 halves.
    #[must_use]
    pub fn new(factor: f32) -> Self {
        Self { factor }
    }

    /// Makes a stage that amplifies by so many dB.
    #[must_use]
    pub fn from_db(db: f32) -> Self {
        Self::new(10_f32.powf(db / 20.0))
    }
}

impl Stage for Gain {
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        // Towards zero, as Python's `scale_audio` does. The cast saturates.
        output.extend(input.iter().map(|&sample| (f32::from(sample) * self.factor) as i16));
    }

    fn flush(&mut self, _: &mut Vec<i16>) {}

    fn reset(&mut self) {}
}

/// Bends what is louder than a knee towards full scale, where clamping would cut it off.
///
/// The curve is straight up to the knee and a hyperbolic tangent beyond, with no corner between
/// them. It has no memory, so it neither pumps nor delays; what it adds are harmonics, and only
/// while something is too loud.
#[derive(Debug, Clone)]
pub struct SoftLimiter {
    knee: f32,
}

const FULL_SCALE: f32 = 32767.0;
/// -2.5 dBFS.
const KNEE: f32 = 0.75;

impl Default for SoftLimiter {
    /// Begins to bend at -2.5 dBFS.
    fn default() -> Self {
        Self::new(KNEE)
    }
}

impl SoftLimiter {
    /// Makes a limiter that leaves samples up to `knee` alone: a share of full scale, from 0 to 1.
    #[must_use]
    pub fn new(knee: f32) -> Self {
        Self { knee: knee.clamp(0.0, 1.0) * FULL_SCALE }
    }

    /// Brings a sum of samples, or another value of any size, into the range of a sample.
    #[inline]
    #[must_use]
    pub fn limit(&self, value: f32) -> i16 {
        let excess = value.abs() - self.knee;
        if excess <= 0.0 {
            return to_sample(value);
        }
        let room = FULL_SCALE - self.knee;
        // With no room left this is a clamp: 0 times the tangent of infinity.
        to_sample((self.knee + room * (excess / room).tanh()).copysign(value))
    }
}

impl Stage for SoftLimiter {
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        output.extend(input.iter().map(|&sample| self.limit(f32::from(sample))));
    }

    fn flush(&mut self, _: &mut Vec<i16>) {}

    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(factor: f32, samples: &[i16]) -> Vec<i16> {
        let mut output = Vec::new();
        Gain::new(factor).process(samples, &mut output);
        output
    }

    #[test]
    fn samples_are_multiplied_towards_zero() {
        assert_eq!(scaled(0.5, &[100, -101, 0, 3, -3]), [50, -50, 0, 1, -1]);
    }

    #[test]
    fn full_scale_clamps() {
        assert_eq!(scaled(3.0, &[20_000, -20_000, 10_000]), [32767, -32768, 30_000]);
        assert_eq!(scaled(f32::INFINITY, &[1, -1]), [32767, -32768]);
        assert_eq!(scaled(f32::NAN, &[1]), [0]);
    }

    #[test]
    fn twenty_db_are_ten_times() {
        let mut output = Vec::new();
        Gain::from_db(20.0).process(&[1000], &mut output);
        assert_eq!(output, [10_000]);
    }

    #[test]
    fn the_limiter_leaves_quiet_samples_alone() {
        let limiter = SoftLimiter::default();
        for sample in -24_575..=24_575_i16 {
            assert_eq!(limiter.limit(f32::from(sample)), sample);
        }
    }

    #[test]
    fn the_limiter_is_monotonic_smooth_and_never_clips() {
        let limiter = SoftLimiter::default();
        let mut last = limiter.limit(0.0);
        for value in 1..200_000 {
            let limited = limiter.limit(value as f32);
            assert!(limited >= last && limited - last <= 1, "at {value}");
            assert_eq!(limiter.limit(-(value as f32)), -limited);
            last = limited;
        }
        assert_eq!(last, 32767);
    }

    #[test]
    fn knees_at_the_ends_of_the_range() {
        assert_eq!(SoftLimiter::new(1.0).limit(50_000.0), 32767);
        assert_eq!(SoftLimiter::new(1.0).limit(32767.0), 32767);
        assert!(SoftLimiter::new(0.0).limit(1_000.0) > 990);
    }
}
