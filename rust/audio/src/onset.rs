//! Where sound begins and stays.

/// Finds where audio becomes audible and stays so.
///
/// The energy of short windows decides rather than single samples, so that a click or the noise
/// floor is not taken for speech. An offset has no energy. Windows are centred on their hop, and
/// the edges of the audio are repeated, as a step there would carry energy.
#[derive(Debug, Clone, Copy)]
pub struct OnsetFinder {
    window: usize,
    hop: usize,
    /// Power from which on a window is audible.
    threshold: f64,
    /// Windows that must stay audible.
    run: usize,
}

impl OnsetFinder {
    /// Makes a finder for audio of one rate.
    ///
    /// # Arguments
    ///
    /// * `sample_rate` - In Hz.
    /// * `frame_ms` - Length of a window.
    /// * `hop_ms` - From one window to the next: the precision of the result.
    /// * `threshold_db` - Energy from which on a window is audible, in dB of full scale.
    /// * `min_voiced_ms` - How long the windows must stay audible.
    #[must_use]
    pub fn new(sample_rate: u32, frame_ms: f64, hop_ms: f64, threshold_db: f64, min_voiced_ms: f64) -> Self {
        let samples = |ms: f64| ((f64::from(sample_rate) * ms / 1000.0).round_ties_even() as usize).max(1);
        Self {
            window: samples(frame_ms),
            hop: samples(hop_ms),
            threshold: (32768.0 * 10_f64.powf(threshold_db / 20.0)).powi(2),
            run: ((min_voiced_ms / hop_ms).round_ties_even() as usize).max(1),
        }
    }

    /// The frame at which sound begins, or None if it has not yet. Channels are looked at as one:
    /// half a frame at the end is left out.
    ///
    /// # Panics
    ///
    /// If there are no channels.
    #[must_use]
    pub fn find(&self, audio: &[i16], channels: usize) -> Option<usize> {
        let frames = audio.len() / channels;
        if frames < self.window {
            return None;
        }
        let mono = |at: usize| {
            let frame = &audio[at * channels..(at + 1) * channels];
            frame.iter().map(|&sample| f64::from(sample)).sum::<f64>() / channels as f64
        };
        let padding = self.window / 2;
        let padded = |at: usize| mono(at.saturating_sub(padding).min(frames - 1));
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in (0..self.window).map(padded) {
            sum += value;
            squares += value * value;
        }
        let (mut begin, mut audible) = (0, 0);
        let last = frames + 2 * padding - self.window;
        for place in 0..=last {
            if place > 0 {
                let (gone, come) = (padded(place - 1), padded(place + self.window - 1));
                sum += come - gone;
                // Integers for mono and halves for stereo: nothing is lost however long this goes.
                squares += come * come - gone * gone;
            }
            if place % self.hop != 0 {
                continue;
            }
            let mean = sum / self.window as f64;
            if squares / self.window as f64 - mean * mean > self.threshold {
                if audible == 0 {
                    begin = place;
                }
                audible += 1;
                if audible == self.run {
                    return Some(begin);
                }
            } else {
                audible = 0;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finder() -> OnsetFinder {
        OnsetFinder::new(16_000, 10.0, 1.0, -40.0, 50.0)
    }

    fn tone(samples: usize) -> impl Iterator<Item = i16> {
        (0..samples).map(|n| (8_000.0 * (n as f64 * 0.17).sin()) as i16)
    }

    #[test]
    fn a_click_is_not_the_beginning() {
        let mut audio = vec![0; 3_200];
        audio.push(20_000);
        audio.resize(6_401, 0);
        audio.extend(tone(3_200));
        let onset = finder().find(&audio, 1).unwrap();
        assert!((6_300..6_480).contains(&onset), "{onset}");
        let stereo: Vec<i16> = audio.iter().flat_map(|&sample| [sample, sample]).collect();
        assert_eq!(finder().find(&stereo, 2), Some(onset));
    }

    #[test]
    fn an_offset_is_silence() {
        assert_eq!(finder().find(&[9_000; 16_000], 1), None);
    }

    #[test]
    fn sound_must_stay() {
        assert_eq!(finder().find(&tone(480).collect::<Vec<_>>(), 1), None);
        assert_eq!(finder().find(&tone(1_000).collect::<Vec<_>>(), 1), Some(0));
        assert_eq!(finder().find(&[], 1), None);
    }
}
