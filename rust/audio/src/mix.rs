//! The sum of several streams.

use crate::SoftLimiter;

/// Adds streams up whose pieces come at different times and in different lengths.
///
/// Each stream has a place of its own in the mix, and what all of them have reached can be taken
/// out. A stream that has nothing to say is silent in [`drain`](Self::drain), which does not wait
/// for it. Streams have the same rate and number of channels.
#[derive(Debug, Clone)]
pub struct Mixer {
    /// Sums of what has not been taken out yet, which only the soft limiter brings into range.
    sums: Vec<f32>,
    /// How far each stream has come in `sums`.
    places: Vec<usize>,
    limiter: SoftLimiter,
}

impl Mixer {
    /// Makes a mixer of so many streams, numbered from 0, that limits softly.
    #[must_use]
    pub fn new(streams: usize) -> Self {
        Self { sums: Vec::new(), places: vec![0; streams], limiter: SoftLimiter::default() }
    }

    /// Makes a mixer with another limiter: one with its knee at 1 clamps.
    #[must_use]
    pub fn with_limiter(streams: usize, limiter: SoftLimiter) -> Self {
        Self { limiter, ..Self::new(streams) }
    }

    /// Adds the next samples of a stream, multiplied by `gain`.
    ///
    /// # Panics
    ///
    /// If there is no such stream.
    pub fn push(&mut self, stream: usize, samples: &[i16], gain: f32) {
        let begin = self.places[stream];
        let end = begin + samples.len();
        if self.sums.len() < end {
            self.sums.resize(end, 0.0);
        }
        for (sum, &sample) in self.sums[begin..end].iter_mut().zip(samples) {
            *sum += f32::from(sample) * gain;
        }
        self.places[stream] = end;
    }

    /// Samples that every stream has reached.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.places.iter().copied().min().unwrap_or(0)
    }

    /// Appends what every stream has reached.
    pub fn take(&mut self, output: &mut Vec<i16>) {
        self.drain(self.ready(), output);
    }

    /// Appends exactly so many samples. Streams that have not come that far are silent from where
    /// they stand, and go on behind it.
    pub fn drain(&mut self, samples: usize, output: &mut Vec<i16>) {
        let mixed = samples.min(self.sums.len());
        output.extend(self.sums.drain(..mixed).map(|sum| self.limiter.limit(sum)));
        output.resize(output.len() + samples - mixed, 0);
        for place in &mut self.places {
            *place = place.saturating_sub(samples);
        }
    }

    /// Appends all that there is: what ends earlier is followed by silence.
    pub fn flush(&mut self, output: &mut Vec<i16>) {
        self.drain(self.sums.len(), output);
    }

    /// Forgets what has not been taken out.
    pub fn reset(&mut self) {
        self.sums.clear();
        self.places.fill(0);
    }
}

/// Appends the sum of two whole pieces, clamped. The shorter one is followed by silence.
pub fn mix_clamped(first: &[i16], second: &[i16], output: &mut Vec<i16>) {
    let both = first.len().min(second.len());
    output.extend(first.iter().zip(second).map(|(&one, &two)| one.saturating_add(two)));
    output.extend_from_slice(&first[both..]);
    output.extend_from_slice(&second[both..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_streams_have_reached_comes_out() {
        let (mut mixer, mut output) = (Mixer::new(2), Vec::new());
        mixer.push(0, &[1, 2, 3], 1.0);
        mixer.take(&mut output);
        assert!(output.is_empty());
        mixer.push(1, &[10, 20], 1.0);
        mixer.take(&mut output);
        assert_eq!(output, [11, 22]);
        mixer.push(1, &[30, 40], 0.5);
        mixer.flush(&mut output);
        assert_eq!(output, [11, 22, 18, 20]);
    }

    #[test]
    fn a_late_stream_is_silent_and_goes_on_behind_it() {
        let (mut mixer, mut output) = (Mixer::new(2), Vec::new());
        mixer.push(0, &[1, 1, 1], 1.0);
        mixer.push(1, &[5], 1.0);
        mixer.drain(2, &mut output);
        mixer.push(1, &[7], 1.0);
        mixer.drain(2, &mut output);
        assert_eq!(output, [6, 1, 8, 0]);
    }

    #[test]
    fn loud_sums_are_limited_and_quiet_ones_exact() {
        let (mut mixer, mut output) = (Mixer::new(3), Vec::new());
        for stream in 0..3 {
            mixer.push(stream, &[30_000, -30_000, 8_000], 1.0);
        }
        mixer.flush(&mut output);
        assert_eq!(output[2], 24_000);
        assert!(output[0] > 32_000 && output[1] == -output[0]);
    }

    #[test]
    fn limiting_makes_less_of_the_high_harmonics_than_clamping() {
        // A tone of 1 kHz at 48 kHz, doubled to 3.5 dB above full scale. High harmonics grate.
        let phase = |n: usize| std::f64::consts::TAU * n as f64 / 48.0;
        let tone: Vec<i16> = (0..480).map(|n| (24_500.0 * phase(n).sin()) as i16).collect();
        let (mut soft, mut hard) = (Vec::new(), Vec::new());
        let mut mixer = Mixer::new(2);
        mixer.push(0, &tone, 1.0);
        mixer.push(1, &tone, 1.0);
        mixer.flush(&mut soft);
        mix_clamped(&tone, &tone, &mut hard);
        let high_harmonics = |samples: &[i16]| -> f64 {
            let harmonic = |order: usize| -> f64 {
                let products = samples.iter().enumerate();
                products.map(|(n, &s)| f64::from(s) * phase(n * order).sin()).sum::<f64>().powi(2)
            };
            (11..24).step_by(2).map(harmonic).sum()
        };
        assert!(high_harmonics(&soft) < high_harmonics(&hard) / 2.0);
    }

    #[test]
    fn a_clamped_mix_is_as_long_as_the_longest() {
        let mut output = Vec::new();
        mix_clamped(&[30_000, 1, 2], &[30_000], &mut output);
        assert_eq!(output, [32767, 1, 2]);
        mix_clamped(&[-30_000], &[-30_000, 7], &mut output);
        assert_eq!(output[3..], [-32768, 7]);
    }
}
