//! Beginning and ending without a click.

use std::f32::consts::FRAC_PI_2;

use crate::error::check_channels;
use crate::sample::to_sample;
use crate::{AudioError, Stage};

/// How loudness moves during a fade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// In a straight line. Two of them against each other keep the sum of equal signals.
    Linear,
    /// Along a quarter of a sine. Two of them against each other keep the power of different ones.
    EqualPower,
}

/// Which way a fade goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From silence to the signal, which then goes on unchanged.
    In,
    /// From the signal to silence, which then goes on.
    Out,
}

/// Fades the beginning of a stream in or out.
///
/// Its steps lie between silence and the signal, neither of which is among them: a fade of `n`
/// frames divides the way into `n + 1` equal parts, so nothing jumps at either end of it.
#[derive(Debug, Clone)]
pub struct Fade {
    curve: Curve,
    direction: Direction,
    length: u32,
    channels: usize,
    /// Samples so far, up to the end of the fade.
    place: u64,
}

impl Fade {
    /// Makes a fade over `length` frames; 0 is a cut.
    ///
    /// # Errors
    ///
    /// If there are not one or two channels.
    pub fn new(direction: Direction, curve: Curve, length: u32, channels: usize) -> Result<Self, AudioError> {
        Ok(Self { curve, direction, length, channels: check_channels(channels)?, place: 0 })
    }

    /// Whether the fade is over, and the signal as it is (or silent) from now on.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.place >= self.samples()
    }

    fn samples(&self) -> u64 {
        u64::from(self.length) * self.channels as u64
    }

    fn gain(&self, frame: u64) -> f32 {
        let step = match self.direction {
            Direction::In => frame + 1,
            Direction::Out => u64::from(self.length) - frame,
        };
        let part = step as f32 / (self.length as f32 + 1.0);
        match self.curve {
            Curve::Linear => part,
            Curve::EqualPower => (part * FRAC_PI_2).sin(),
        }
    }
}

impl Stage for Fade {
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let left = usize::try_from(self.samples() - self.place).unwrap_or(usize::MAX);
        let (during, after) = input.split_at(input.len().min(left));
        for &sample in during {
            let gain = self.gain(self.place / self.channels as u64);
            output.push(to_sample(f32::from(sample) * gain));
            self.place += 1;
        }
        match self.direction {
            Direction::In => output.extend_from_slice(after),
            Direction::Out => output.resize(output.len() + after.len(), 0),
        }
    }

    fn flush(&mut self, _: &mut Vec<i16>) {
        self.reset();
    }

    fn reset(&mut self) {
        self.place = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faded(direction: Direction, curve: Curve, length: u32, channels: usize, input: &[i16]) -> Vec<i16> {
        let mut output = Vec::new();
        Fade::new(direction, curve, length, channels).unwrap().process(input, &mut output);
        output
    }

    #[test]
    fn a_line_in_and_out() {
        assert_eq!(faded(Direction::In, Curve::Linear, 3, 1, &[400; 5]), [100, 200, 300, 400, 400]);
        assert_eq!(faded(Direction::Out, Curve::Linear, 3, 1, &[400; 5]), [300, 200, 100, 0, 0]);
    }

    #[test]
    fn both_sides_of_stereo_fade_together() {
        assert_eq!(faded(Direction::In, Curve::Linear, 1, 2, &[100, -100, 100, -100]), [50, -50, 100, -100]);
    }

    #[test]
    fn a_fade_of_nothing_is_a_cut() {
        assert_eq!(faded(Direction::In, Curve::EqualPower, 0, 1, &[7, 8]), [7, 8]);
        assert_eq!(faded(Direction::Out, Curve::EqualPower, 0, 1, &[7, 8]), [0, 0]);
    }

    #[test]
    fn no_step_is_larger_than_the_curve_s_steepest() {
        // 10 ms at 16 kHz, of a signal at full scale that does not move by itself.
        for (curve, steepest) in [(Curve::Linear, 1.0), (Curve::EqualPower, FRAC_PI_2)] {
            for direction in [Direction::In, Direction::Out] {
                let mut output = vec![if direction == Direction::In { 0 } else { 32767 }];
                output.extend(faded(direction, curve, 160, 1, &[32767; 200]));
                let most = output.windows(2).map(|pair| i32::from(pair[1]) - i32::from(pair[0]));
                let most = most.map(i32::abs).max().unwrap();
                assert!(f64::from(most) <= 32767.0 / 161.0 * f64::from(steepest) + 1.0, "{curve:?} {most}");
            }
        }
    }

    #[test]
    fn two_fades_of_equal_power_keep_it() {
        let input = [10_000; 100];
        let into = faded(Direction::In, Curve::EqualPower, 100, 1, &input);
        let out = faded(Direction::Out, Curve::EqualPower, 100, 1, &input);
        for (a, b) in into.iter().zip(&out) {
            let power = f64::from(*a).powi(2) + f64::from(*b).powi(2);
            assert!((power.sqrt() - 10_000.0).abs() < 2.0);
        }
    }

    #[test]
    fn it_says_when_it_is_over() {
        let mut fade = Fade::new(Direction::Out, Curve::Linear, 4, 1).unwrap();
        let mut output = Vec::new();
        fade.process(&[1; 3], &mut output);
        assert!(!fade.is_over());
        fade.process(&[1; 1], &mut output);
        assert!(fade.is_over());
    }
}
