//! How large samples are.

/// Full scale of 16 bits.
const FULL_SCALE: f64 = 32768.0;

/// Measures the level of a stream since it was last asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LevelMeter {
    peak: u16,
    squares: u64,
    samples: u64,
}

/// A level of 16-bit audio.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Level {
    /// The largest magnitude, from 0 to 32768.
    pub peak: u16,
    /// The root of the mean square, from 0 to 32768.
    pub rms: f64,
}

impl LevelMeter {
    /// Takes audio in.
    pub fn process(&mut self, input: &[i16]) {
        // A square has 30 bits at most: the sum overflows after days of clipped audio, and then stays.
        for &sample in input {
            let magnitude = sample.unsigned_abs();
            self.peak = self.peak.max(magnitude);
            self.squares = self.squares.saturating_add(u64::from(magnitude).pow(2));
        }
        self.samples += input.len() as u64;
    }

    /// The level of all that was taken in.
    #[must_use]
    pub fn level(&self) -> Level {
        let mean = self.squares as f64 / self.samples.max(1) as f64;
        Level { peak: self.peak, rms: mean.sqrt() }
    }

    /// Gives the level, and begins anew.
    pub fn take(&mut self) -> Level {
        std::mem::take(self).level()
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Level {
    /// Measures a whole piece.
    #[must_use]
    pub fn of(samples: &[i16]) -> Self {
        let mut meter = LevelMeter::default();
        meter.process(samples);
        meter.level()
    }

    /// The peak in dB of full scale; minus infinity for silence.
    #[must_use]
    pub fn peak_dbfs(&self) -> f64 {
        dbfs(f64::from(self.peak))
    }

    /// The root mean square in dB of full scale: a sine at full scale has -3.01. Minus infinity for
    /// silence.
    #[must_use]
    pub fn rms_dbfs(&self) -> f64 {
        dbfs(self.rms)
    }
}

/// A magnitude of 16-bit audio in dB of full scale.
#[must_use]
pub fn dbfs(magnitude: f64) -> f64 {
    20.0 * (magnitude / FULL_SCALE).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_no_level() {
        for samples in [&[][..], &[0; 10]] {
            let level = Level::of(samples);
            assert_eq!(level, Level::default());
            assert_eq!(level.rms_dbfs(), f64::NEG_INFINITY);
        }
    }

    #[test]
    fn a_square_at_full_scale_is_0_dbfs() {
        let level = Level::of(&[i16::MIN, i16::MIN]);
        assert_eq!((level.peak, level.rms), (32768, 32768.0));
        assert_eq!((level.peak_dbfs(), level.rms_dbfs()), (0.0, 0.0));
    }

    #[test]
    fn a_sine_is_3_db_below_its_peak() {
        let sine: Vec<i16> = (0..8000)
            .map(|n| (3276.8 * (std::f64::consts::TAU * n as f64 / 80.0).sin()).round() as i16)
            .collect();
        let level = Level::of(&sine);
        assert!((level.peak_dbfs() + 20.0).abs() < 0.01);
        assert!((level.rms_dbfs() + 23.01).abs() < 0.01);
    }

    #[test]
    fn taking_begins_anew() {
        let mut meter = LevelMeter::default();
        meter.process(&[100, -200]);
        assert_eq!(meter.take().peak, 200);
        assert_eq!(meter, LevelMeter::default());
    }
}
