//! Loudness after ITU-R BS.1770: how loud audio is to the ear, in LUFS.
//!
//! The two filters of its K-weighting, a shelf for the head and a high pass, see each block as if it
//! repeated for ever: they run over its end first, and what counts is what follows. So a block has no
//! edge at which they would ring, and its loudness is that of its spectrum.

use std::f64::consts::PI;

use crate::AudioError;

/// Length of a block, in seconds: the least that can be measured.
const BLOCK_SECS: f64 = 0.4;
/// From one block to the next, as a share of one.
const HOP: f64 = 0.25;
const ABSOLUTE_GATE_LUFS: f64 = -70.0;
const RELATIVE_GATE_LU: f64 = -10.0;
const OFFSET_LUFS: f64 = -0.691;

// The standard prints its filters for 48 kHz; these are the analogue ones behind them, from which
// those for any rate follow.
const SHELF_HZ: f64 = 1_681.974_450_955_533;
const SHELF_Q: f64 = 0.707_175_236_955_419_6;
const SHELF_DB: f64 = 3.999_843_853_973_347;
const SHELF_BAND_EXPONENT: f64 = 0.499_666_774_154_541_6;
const HIGH_PASS_HZ: f64 = 38.135_470_876_024_44;
const HIGH_PASS_Q: f64 = 0.500_327_037_323_877_3;

/// Loudness that counts as a volume of 0, and of 1.
const QUIET_LUFS: f64 = -110.0;
const LOUD_LUFS: f64 = -10.0;

pub(crate) const FULL_SCALE: f64 = 32768.0;
const LOWEST_HZ: u32 = 4_000;
const HIGHEST_HZ: u32 = 384_000;

/// Measures the loudness of mono audio at one sample rate.
#[derive(Debug, Clone)]
pub struct LoudnessMeter {
    block: usize,
    hop: usize,
    shelf: Filter,
    high_pass: Filter,
    powers: Vec<f64>,
}

impl LoudnessMeter {
    /// Makes a meter.
    ///
    /// # Errors
    ///
    /// If the rate is outside of 4 to 384 kHz.
    pub fn new(sample_rate: u32) -> Result<Self, AudioError> {
        if !(LOWEST_HZ..=HIGHEST_HZ).contains(&sample_rate) {
            return Err(AudioError::SampleRate { rate: sample_rate, allowed: "4000 to 384000 Hz are" });
        }
        let block = (BLOCK_SECS * f64::from(sample_rate)).round_ties_even() as usize;
        Ok(Self {
            block,
            hop: (block as f64 * HOP).round_ties_even() as usize,
            shelf: Filter::shelf(sample_rate.into()),
            high_pass: Filter::high_pass(sample_rate.into()),
            powers: Vec::new(),
        })
    }

    /// The least samples that can be measured, 400 ms: a block.
    #[must_use]
    pub fn block(&self) -> usize {
        self.block
    }

    /// The loudness of the first block of audio, in LUFS; minus infinity for silence.
    ///
    /// # Errors
    ///
    /// If there is less than a block.
    pub fn momentary(&mut self, audio: &[i16]) -> Result<f64, AudioError> {
        self.check(audio)?;
        Ok(lufs(self.power(&audio[..self.block])))
    }

    /// The loudness of all audio without its silent and quiet blocks, in LUFS; minus infinity if
    /// no block is louder than -70 LUFS.
    ///
    /// # Errors
    ///
    /// If there is less than a block.
    pub fn integrated(&mut self, audio: &[i16]) -> Result<f64, AudioError> {
        self.check(audio)?;
        let mut powers = std::mem::take(&mut self.powers);
        powers.clear();
        for begin in (0..=audio.len() - self.block).step_by(self.hop) {
            powers.push(self.power(&audio[begin..begin + self.block]));
        }
        powers.retain(|&power| lufs(power) > ABSOLUTE_GATE_LUFS);
        if !powers.is_empty() {
            let gate = lufs(mean(&powers)) + RELATIVE_GATE_LU;
            powers.retain(|&power| lufs(power) > gate);
        }
        let loudness = if powers.is_empty() { f64::NEG_INFINITY } else { lufs(mean(&powers)) };
        self.powers = powers;
        Ok(loudness)
    }

    /// How loud all audio is to the ear, from 0 (quiet) to 1 (loud): its integrated loudness
    /// between -110 and -10 LUFS.
    ///
    /// # Errors
    ///
    /// If there is less than a block.
    pub fn volume(&mut self, audio: &[i16]) -> Result<f64, AudioError> {
        Ok(volume_of(self.integrated(audio)?))
    }

    fn check(&self, audio: &[i16]) -> Result<(), AudioError> {
        if audio.len() < self.block {
            return Err(AudioError::TooShort { given: audio.len(), needed: self.block });
        }
        Ok(())
    }

    /// The mean square of a block behind the K-weighting.
    fn power(&mut self, block: &[i16]) -> f64 {
        self.shelf.reset();
        self.high_pass.reset();
        let mut weighted =
            |&sample: &i16| self.high_pass.next(self.shelf.next(f64::from(sample) / FULL_SCALE));
        // The block's end is what went before its beginning. Of what the filters began with there, a
        // quarter of a block leaves 1e-11: the high pass, which rings longest, forgets all but a
        // third of it in 4 ms.
        block[block.len() / 4 * 3..].iter().for_each(|sample| {
            weighted(sample);
        });
        block.iter().map(|sample| weighted(sample).powi(2)).sum::<f64>() / block.len() as f64
    }
}

/// A filter of second order, in transposed direct form II.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    zeros: [f64; 3],
    /// Without the first one, which is 1.
    poles: [f64; 2],
    state: [f64; 2],
}

impl Filter {
    pub(crate) fn shelf(sample_rate: f64) -> Self {
        let (k, poles) = poles(SHELF_HZ, SHELF_Q, sample_rate);
        let high = 10_f64.powf(SHELF_DB / 20.0);
        let band = high.powf(SHELF_BAND_EXPONENT) * k / SHELF_Q;
        Self::new([high + band + k * k, 2.0 * (k * k - high), high - band + k * k], poles)
    }

    pub(crate) fn high_pass(sample_rate: f64) -> Self {
        let (_, poles) = poles(HIGH_PASS_HZ, HIGH_PASS_Q, sample_rate);
        // The standard's has the numerator 1 - 2z + z² at every rate, so that its gain is not quite
        // 1 at high frequencies.
        Self::new([1.0, -2.0, 1.0].map(|zero| zero * poles[0]), poles)
    }

    fn new(zeros: [f64; 3], [first, second, third]: [f64; 3]) -> Self {
        Self {
            zeros: zeros.map(|zero| zero / first),
            poles: [second / first, third / first],
            state: [0.0; 2],
        }
    }

    pub(crate) fn next(&mut self, input: f64) -> f64 {
        let output = self.zeros[0] * input + self.state[0];
        self.state = [
            self.zeros[1] * input - self.poles[0] * output + self.state[1],
            self.zeros[2] * input - self.poles[1] * output,
        ];
        output
    }

    fn reset(&mut self) {
        self.state = [0.0; 2];
    }
}

/// Measures the volume of the latest 400 ms of a mono stream, when it is asked.
#[derive(Debug)]
pub struct VolumeTracker {
    meter: LoudnessMeter,
    /// Not in order: the oldest sample is at `next` once it is full.
    window: Vec<i16>,
    next: usize,
    ordered: Vec<i16>,
}

impl VolumeTracker {
    /// Makes a tracker.
    ///
    /// # Errors
    ///
    /// If the rate is outside of 4 to 384 kHz.
    pub fn new(sample_rate: u32) -> Result<Self, AudioError> {
        let meter = LoudnessMeter::new(sample_rate)?;
        let size = (BLOCK_SECS * f64::from(sample_rate)).ceil() as usize;
        Ok(Self { meter, window: Vec::with_capacity(size), next: 0, ordered: Vec::with_capacity(size) })
    }

    /// Takes audio in.
    pub fn process(&mut self, input: &[i16]) {
        let size = self.ordered.capacity();
        let latest = &input[input.len().saturating_sub(size)..];
        for &sample in latest {
            if self.window.len() < size {
                self.window.push(sample);
            } else {
                self.window[self.next] = sample;
                self.next = (self.next + 1) % size;
            }
        }
    }

    /// The volume, from 0 (quiet) to 1 (loud); 0 until there are 400 ms.
    pub fn volume(&mut self) -> f64 {
        self.ordered.clear();
        self.ordered.extend_from_slice(&self.window[self.next..]);
        self.ordered.extend_from_slice(&self.window[..self.next]);
        self.meter.volume(&self.ordered).unwrap_or(0.0)
    }

    /// Begins without audio.
    pub fn reset(&mut self) {
        self.window.clear();
        self.next = 0;
    }
}

/// The volume of a block with this mean square behind the K-weighting.
pub(crate) fn block_volume(power: f64) -> f64 {
    let loudness = lufs(power);
    volume_of(if loudness > ABSOLUTE_GATE_LUFS { loudness } else { f64::NEG_INFINITY })
}

fn volume_of(lufs: f64) -> f64 {
    ((lufs - QUIET_LUFS) / (LOUD_LUFS - QUIET_LUFS)).clamp(0.0, 1.0)
}

fn lufs(power: f64) -> f64 {
    OFFSET_LUFS + 10.0 * power.log10()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A filter's warped frequency, and its denominator by rising powers of z.
fn poles(frequency: f64, quality: f64, sample_rate: f64) -> (f64, [f64; 3]) {
    let k = (PI * frequency / sample_rate).tan();
    (k, [1.0 + k / quality + k * k, 2.0 * (k * k - 1.0), 1.0 - k / quality + k * k])
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    /// A second of noise whose loudness rises and falls, from a generator that Python has too:
    /// `x = (x * 1103515245 + 12345) % 2**31`, from 1.
    fn noise(sample_rate: u32) -> Vec<i16> {
        let mut state = 1_u64;
        (0..u64::from(sample_rate))
            .map(|n| {
                state = (state * 1_103_515_245 + 12_345) % (1 << 31);
                let swell = (n * 8 / u64::from(sample_rate)) as i64 + 1;
                (((state >> 15) as i64 - 32_768) * swell / 16) as i16
            })
            .collect()
    }

    /// Volume and integrated loudness of the same samples by numpy 2.4, in single precision: the
    /// spectrum of each block, weighted by the gain of the filters.
    const SPECTRUM: [(u32, f64, f64); 6] = [
        (8_000, 0.9717284, -12.82716),
        (16_000, 0.9764572, -12.35428),
        (22_050, 0.9781542, -12.18458),
        (24_000, 0.9782622, -12.17378),
        (44_100, 0.9800243, -11.99757),
        (48_000, 0.9801345, -11.98655),
    ];

    #[test]
    fn volumes_are_those_of_a_weighted_spectrum() {
        for (sample_rate, volume, loudness) in SPECTRUM {
            let mut meter = LoudnessMeter::new(sample_rate).unwrap();
            let audio = noise(sample_rate);
            assert!((meter.integrated(&audio).unwrap() - loudness).abs() < 1e-4, "{sample_rate}");
            assert!((meter.volume(&audio).unwrap() - volume).abs() < 1e-6, "{sample_rate}");
        }
    }

    #[test]
    fn the_calibration_tone_of_the_standard() {
        // BS.1770: 997 Hz at full scale on one channel reads -3.01 LKFS.
        let tone: Vec<i16> =
            (0..48_000).map(|n| (32_767.0 * (TAU * 997.0 * f64::from(n) / 48_000.0).sin()) as i16).collect();
        let loudness = LoudnessMeter::new(48_000).unwrap().integrated(&tone).unwrap();
        assert!((loudness + 3.01).abs() < 0.02, "{loudness}");
    }

    #[test]
    fn silence_is_minus_infinity_and_has_no_volume() {
        let mut meter = LoudnessMeter::new(16_000).unwrap();
        assert_eq!(meter.integrated(&[0; 6_400]).unwrap(), f64::NEG_INFINITY);
        assert_eq!(meter.momentary(&[0; 6_400]).unwrap(), f64::NEG_INFINITY);
        assert_eq!(meter.volume(&[0; 6_400]).unwrap(), 0.0);
    }

    #[test]
    fn less_than_a_block_cannot_be_measured() {
        let error = LoudnessMeter::new(8_000).unwrap().volume(&[1; 3_199]).unwrap_err();
        assert_eq!(error.to_string(), "loudness needs 3200 samples of audio, got 3199");
    }

    #[test]
    fn a_tracker_measures_the_latest_audio() {
        let audio = noise(16_000);
        let mut tracker = VolumeTracker::new(16_000).unwrap();
        tracker.process(&audio[..6_399]);
        assert_eq!(tracker.volume(), 0.0);
        for piece in audio[6_399..].chunks(331) {
            tracker.process(piece);
        }
        let mut meter = LoudnessMeter::new(16_000).unwrap();
        let latest = &audio[audio.len() - 6_400..];
        assert_eq!(tracker.volume(), meter.volume(latest).unwrap());
        tracker.reset();
        assert_eq!(tracker.volume(), 0.0);
    }
}
