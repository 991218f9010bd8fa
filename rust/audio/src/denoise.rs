//! Noise suppression by RNNoise, a small recurrent network over the bands of hearing.

use nnnoiseless::DenoiseState;

use crate::sample::to_sample;
use crate::{AudioError, Resampler, Stage};

/// What the network was trained on.
const NETWORK_HZ: u32 = 48_000;
const FRAME: usize = DenoiseState::FRAME_SIZE;

/// Takes noise out of mono speech.
///
/// Other rates than 48 kHz are converted to it and back. The output stands where the input did and
/// is as long, but comes later: by the 20 ms of two frames, and the converters' latency.
pub struct Denoiser {
    widen: Resampler,
    narrow: Resampler,
    state: Box<DenoiseState<'static>>,
    /// Samples at 48 kHz that do not fill a frame yet.
    wide: Vec<i16>,
    clean: Vec<i16>,
    frame_in: [f32; FRAME],
    frame_out: [f32; FRAME],
    /// The network's output is a frame late, so the first one belongs to no input.
    early: bool,
    /// Samples at 48 kHz that went in, and that came out.
    taken: u64,
    given: u64,
    speech: f32,
}

impl Denoiser {
    /// Makes a denoiser.
    ///
    /// # Errors
    ///
    /// If the rate is outside of 4 to 48 kHz.
    pub fn new(sample_rate: u32) -> Result<Self, AudioError> {
        if !(4_000..=NETWORK_HZ).contains(&sample_rate) {
            return Err(AudioError::SampleRate { rate: sample_rate, allowed: "4000 to 48000 Hz are" });
        }
        Ok(Self {
            widen: Resampler::new(sample_rate, NETWORK_HZ, 1)?,
            narrow: Resampler::new(NETWORK_HZ, sample_rate, 1)?,
            state: DenoiseState::new(),
            wide: Vec::new(),
            clean: Vec::new(),
            frame_in: [0.0; FRAME],
            frame_out: [0.0; FRAME],
            early: true,
            taken: 0,
            given: 0,
            speech: 0.0,
        })
    }

    /// How sure the network is that there was speech in the last frame, from 0 to 1.
    #[must_use]
    pub fn speech_probability(&self) -> f32 {
        self.speech
    }

    /// Cleans the whole frames in `wide`, into `clean`.
    fn run(&mut self) {
        let whole = self.wide.len() / FRAME * FRAME;
        for frame in self.wide[..whole].chunks_exact(FRAME) {
            for (place, &sample) in self.frame_in.iter_mut().zip(frame) {
                *place = f32::from(sample);
            }
            self.speech = self.state.process_frame(&mut self.frame_out, &self.frame_in);
            if !std::mem::take(&mut self.early) {
                self.clean.extend(self.frame_out.iter().map(|&value| to_sample(value)));
                self.given += FRAME as u64;
            }
        }
        self.wide.drain(..whole);
    }
}

impl Stage for Denoiser {
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let held = self.wide.len();
        self.widen.process(input, &mut self.wide);
        self.taken += (self.wide.len() - held) as u64;
        self.clean.clear();
        self.run();
        self.narrow.process(&self.clean, output);
    }

    fn flush(&mut self, output: &mut Vec<i16>) {
        let held = self.wide.len();
        self.widen.flush(&mut self.wide);
        self.taken += (self.wide.len() - held) as u64;
        self.clean.clear();
        self.run();
        while self.given < self.taken {
            self.wide.resize(FRAME, 0);
            self.run();
        }
        // The last frame may reach beyond the end.
        self.clean.truncate(self.clean.len() - (self.given - self.taken) as usize);
        self.narrow.process(&self.clean, output);
        self.narrow.flush(output);
        self.reset();
    }

    fn reset(&mut self) {
        self.widen.reset();
        self.narrow.reset();
        self.state = DenoiseState::new();
        self.wide.clear();
        self.early = true;
        (self.taken, self.given) = (0, 0);
        self.speech = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    /// The rumble of a fan, below 800 Hz for the most part, from a generator with a fixed seed.
    fn rumble(samples: usize, sample_rate: u32) -> Vec<i16> {
        let smoothing = 1.0 - (-std::f32::consts::TAU * 800.0 / sample_rate as f32).exp();
        let (mut state, mut low) = (0x2545_f491_u32, 0.0);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            low += smoothing * (state as f32 / u32::MAX as f32 * 2.0 - 1.0 - low);
            (4_000.0 * low) as i16
        };
        (0..samples).map(|_| next()).collect()
    }

    #[test]
    fn noise_is_quieter_afterwards_at_every_rate() {
        for sample_rate in [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] {
            let noise = rumble(2 * sample_rate as usize, sample_rate);
            let (mut denoiser, mut output) = (Denoiser::new(sample_rate).unwrap(), Vec::new());
            denoiser.process(&noise, &mut output);
            denoiser.flush(&mut output);
            assert_eq!(output.len(), noise.len());
            let settled = sample_rate as usize;
            let quieter = Level::of(&noise[settled..]).rms_dbfs() - Level::of(&output[settled..]).rms_dbfs();
            assert!(quieter > 20.0, "{quieter} dB at {sample_rate} Hz");
        }
    }

    #[test]
    fn a_voice_stays_where_it_was() {
        // Harmonics of 140 Hz that come in syllables: what the network takes for a voice.
        let sample_rate = 16_000;
        let voice: Vec<i16> = (0..2 * sample_rate)
            .map(|n| {
                let time = n as f32 / sample_rate as f32;
                let syllable = (std::f32::consts::PI * 3.0 * time).sin().powi(2);
                let tone = |k: u32| (std::f32::consts::TAU * 140.0 * k as f32 * time).sin() / k as f32;
                (6_000.0 * syllable * (1..12).map(tone).sum::<f32>()) as i16
            })
            .collect();
        let (mut denoiser, mut output) = (Denoiser::new(sample_rate).unwrap(), Vec::new());
        for piece in voice.chunks(160) {
            denoiser.process(piece, &mut output);
        }
        denoiser.flush(&mut output);
        let product = |shift: usize| -> f64 {
            let pairs = voice[16_000..30_000].iter().zip(&output[16_000 + shift - 40..]);
            pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let best = (0..80).max_by(|&a, &b| product(a).total_cmp(&product(b))).unwrap();
        assert!(best.abs_diff(40) <= 1, "moved by {best} - 40 samples");
        let change = Level::of(&output[16_000..]).rms_dbfs() - Level::of(&voice[16_000..]).rms_dbfs();
        assert!(change.abs() < 3.0, "{change} dB");
    }

    #[test]
    fn rates_above_the_network_s_are_refused() {
        assert!(Denoiser::new(96_000).is_err());
    }
}
