use super::{VadParams, VadState, VadStateMachine, WindowVolume};
use crate::AudioError;

const VOLUME_SMOOTHING: f64 = 0.2;

/// Follows the voice in one stream: mono, cut into windows, with a detector's confidence in each.
#[derive(Debug)]
pub struct VoiceFollower {
    params: VadParams,
    window_secs: f64,
    volume: WindowVolume,
    smoothed_volume: f64,
    machine: VadStateMachine,
}

impl VoiceFollower {
    /// Makes a follower of windows of so many samples.
    ///
    /// # Errors
    ///
    /// If the rate is outside of 4 to 384 kHz.
    pub fn new(params: VadParams, sample_rate: u32, window: usize) -> Result<Self, AudioError> {
        let window_secs = window as f64 / f64::from(sample_rate);
        Ok(Self {
            params,
            window_secs,
            volume: WindowVolume::new(sample_rate, window)?,
            smoothed_volume: 0.0,
            machine: VadStateMachine::new(&params, window_secs),
        })
    }

    /// What the voice does.
    #[must_use]
    pub fn state(&self) -> VadState {
        self.machine.state()
    }

    /// Changes when a voice counts; it is quiet to begin with. The volume goes on.
    pub fn set_params(&mut self, params: VadParams) {
        self.params = params;
        self.machine = VadStateMachine::new(&params, self.window_secs);
    }

    /// Takes a window in, of which the detector is so sure that it holds speech.
    pub fn follow(&mut self, window: &[i16], confidence: f64) {
        let volume = self.volume.process(window);
        self.smoothed_volume += VOLUME_SMOOTHING * (volume - self.smoothed_volume);
        let speaks = confidence >= self.params.confidence && self.smoothed_volume >= self.params.min_volume;
        self.machine.follow(speaks);
    }

    /// Lets what has lasted long enough count, at the end of a piece of audio.
    pub fn settle(&mut self) -> VadState {
        self.machine.settle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: usize = 512;

    fn follower(min_volume: f64) -> VoiceFollower {
        let params = VadParams { start_secs: 0.096, stop_secs: 0.096, min_volume, ..VadParams::default() };
        VoiceFollower::new(params, 16_000, WINDOW).unwrap()
    }

    /// What the voice does after each of `count` windows of a square wave.
    fn heard(voice: &mut VoiceFollower, count: usize, level: i16, confidence: f64) -> Vec<VadState> {
        let window: Vec<i16> = (0..WINDOW).map(|n| if n % 16 < 8 { level } else { -level }).collect();
        let states = (0..count).map(|_| {
            voice.follow(&window, confidence);
            voice.settle()
        });
        states.collect()
    }

    #[test]
    fn speech_starts_after_enough_windows_and_stops_after_enough() {
        use VadState::{Quiet, Speaking, Starting, Stopping};
        let mut voice = follower(0.0);
        assert_eq!(heard(&mut voice, 4, 8_000, 0.7), [Starting, Starting, Speaking, Speaking]);
        assert_eq!(heard(&mut voice, 4, 8_000, 0.69), [Stopping, Stopping, Quiet, Quiet]);
    }

    #[test]
    fn a_voice_below_the_volume_does_not_count() {
        let mut voice = follower(0.6);
        assert_eq!(heard(&mut voice, 40, 20, 1.0).last(), Some(&VadState::Quiet));
        assert_eq!(heard(&mut voice, 40, 8_000, 1.0).last(), Some(&VadState::Speaking));
    }

    #[test]
    fn new_parameters_begin_with_quiet_and_keep_the_volume() {
        let mut voice = follower(0.6);
        heard(&mut voice, 40, 8_000, 1.0);
        voice.set_params(VadParams { start_secs: 0.032, ..VadParams::default() });
        assert_eq!(voice.state(), VadState::Quiet);
        assert_eq!(heard(&mut voice, 1, 8_000, 1.0), [VadState::Speaking]);
    }
}
