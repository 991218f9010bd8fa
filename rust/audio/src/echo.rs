//! Echo cancellation by AEC3, WebRTC's third: an adaptive filter models the way from the
//! loudspeaker to the microphone, and a suppressor removes what the filter leaves.

use sonora::config::EchoCanceller as Settings;
use sonora::{AudioProcessing, Config, StreamConfig};

use crate::{AudioError, Stage};

/// Takes what the loudspeaker plays out of what the microphone hears, both in mono at one rate.
///
/// Give each piece to [`render`](Self::render) when it is played and to
/// [`process`](Stage::process) when it is heard, in the order of time: the canceller finds the delay
/// between the two by itself, up to some 500 ms. It works in frames of 10 ms.
pub struct EchoCanceller {
    sample_rate: u32,
    processing: AudioProcessing,
    /// What does not fill a frame yet, of each side.
    played: Vec<i16>,
    heard: Vec<i16>,
    frame: Vec<i16>,
}

impl EchoCanceller {
    /// Makes a canceller.
    ///
    /// # Errors
    ///
    /// If the rate is outside of 8 to 48 kHz, or 10 ms are no whole number of samples.
    pub fn new(sample_rate: u32) -> Result<Self, AudioError> {
        if !(8_000..=48_000).contains(&sample_rate) || !sample_rate.is_multiple_of(100) {
            let allowed = "8000 to 48000 Hz in steps of 100 are";
            return Err(AudioError::SampleRate { rate: sample_rate, allowed });
        }
        let size = sample_rate as usize / 100;
        Ok(Self {
            sample_rate,
            processing: processing(sample_rate),
            played: Vec::with_capacity(size),
            heard: Vec::with_capacity(size),
            frame: vec![0; size],
        })
    }

    /// Takes in what the loudspeaker plays.
    pub fn render(&mut self, mut input: &[i16]) {
        while fill(&mut self.played, &mut input, self.frame.len()) {
            self.processing
                .process_render_i16(&self.played, &mut self.frame)
                .expect("the rate was checked, and there is a channel");
            self.played.clear();
        }
    }

    fn run(&mut self) {
        self.processing
            .process_capture_i16(&self.heard, &mut self.frame)
            .expect("the rate was checked, and there is a channel");
        self.heard.clear();
    }
}

impl Stage for EchoCanceller {
    fn process(&mut self, mut input: &[i16], output: &mut Vec<i16>) {
        while fill(&mut self.heard, &mut input, self.frame.len()) {
            self.run();
            output.extend_from_slice(&self.frame);
        }
    }

    fn flush(&mut self, output: &mut Vec<i16>) {
        let left = self.heard.len();
        if left > 0 {
            self.heard.resize(self.frame.len(), 0);
            self.run();
            output.extend_from_slice(&self.frame[..left]);
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.processing = processing(self.sample_rate);
        self.played.clear();
        self.heard.clear();
    }
}

fn processing(sample_rate: u32) -> AudioProcessing {
    let mono = StreamConfig::new(sample_rate, 1);
    AudioProcessing::builder()
        .config(Config { echo_canceller: Some(Settings::default()), ..Config::default() })
        .capture_config(mono)
        .render_config(mono)
        .build()
}

/// Moves samples over until the frame is full, and says whether it is.
fn fill(frame: &mut Vec<i16>, input: &mut &[i16], size: usize) -> bool {
    let (taken, rest) = input.split_at(input.len().min(size - frame.len()));
    frame.extend_from_slice(taken);
    *input = rest;
    frame.len() == size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    /// Noise in bursts, as speech has syllables, from a generator with a fixed seed.
    fn bursts(samples: usize, seed: u32, burst: usize) -> Vec<i16> {
        let mut state = seed;
        let mut low = 0.0;
        (0..samples)
            .map(|n| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                low += 0.3 * (state as f32 / u32::MAX as f32 * 2.0 - 1.0 - low);
                let loudness = (std::f32::consts::PI * (n % burst) as f32 / burst as f32).sin();
                (20_000.0 * loudness * low) as i16
            })
            .collect()
    }

    /// What a microphone hears of a loudspeaker: 30 ms later, and again from the walls.
    fn room(played: &[i16], sample_rate: usize) -> Vec<f32> {
        let paths = [(30, 0.4), (34, -0.2), (41, 0.15), (57, 0.08), (72, -0.04)];
        let mut heard = vec![0.0; played.len()];
        for (ms, gain) in paths {
            let delay = ms * sample_rate / 1000;
            for n in delay..heard.len() {
                heard[n] += gain * f32::from(played[n - delay]);
            }
        }
        heard
    }

    fn cancelled(sample_rate: u32, played: &[i16], heard: &[i16]) -> Vec<i16> {
        let (mut canceller, mut output) = (EchoCanceller::new(sample_rate).unwrap(), Vec::new());
        let size = sample_rate as usize / 100;
        for (played, heard) in played.chunks(size).zip(heard.chunks(size)) {
            canceller.render(played);
            canceller.process(heard, &mut output);
        }
        canceller.flush(&mut output);
        assert_eq!(output.len(), heard.len());
        output
    }

    #[test]
    fn the_echo_loses_20_db_within_five_seconds() {
        for sample_rate in [16_000, 48_000] {
            let second = sample_rate as usize;
            let played = bursts(8 * second, 0x1234_5678, second / 4);
            let heard: Vec<i16> = room(&played, second).into_iter().map(|value| value as i16).collect();
            let left = cancelled(sample_rate, &played, &heard);
            let level = |samples: &[i16]| Level::of(&samples[5 * second..]).rms.max(0.5);
            // ERLE, the enhancement of the echo's return loss: 20 dB is what G.168 asks of a
            // canceller before its non-linear part.
            let erle = 20.0 * (level(&heard) / level(&left)).log10();
            assert!(erle > 20.0, "{erle} dB at {sample_rate} Hz");
        }
    }

    #[test]
    fn the_caller_is_still_heard() {
        let sample_rate = 16_000;
        let second = sample_rate as usize;
        // The loudspeaker falls silent after five seconds, then the caller speaks.
        let mut played = bursts(8 * second, 0x1234_5678, second / 4);
        played[5 * second..].fill(0);
        let caller = bursts(8 * second, 0x0bad_cafe, second / 5);
        let heard: Vec<i16> = room(&played, second)
            .into_iter()
            .zip(&caller)
            .enumerate()
            .map(|(n, (echo, &voice))| if n < 6 * second { echo as i16 } else { voice })
            .collect();
        let left = cancelled(sample_rate, &played, &heard);
        let lost = Level::of(&heard[6 * second..]).rms_dbfs() - Level::of(&left[6 * second..]).rms_dbfs();
        assert!(lost < 3.0, "{lost} dB");
    }

    #[test]
    fn rates_without_a_whole_frame_are_refused() {
        let error = EchoCanceller::new(22_050).err().unwrap();
        assert!(error.to_string().contains("22050 Hz"), "{error}");
    }
}
