//! Sound behind a voice: an office, music on hold.

use std::collections::HashMap;
use std::sync::Arc;

use crate::SoftLimiter;

/// Plays one of several sounds behind a voice, over and over.
///
/// Sounds are changed, turned up or down, switched off and on without a click: what changes moves
/// in a straight line over the length of a fade. Two sounds that follow each other are heard
/// together for that long. A sound that is repeated goes from its last sample to its first.
///
/// Sounds have the voice's rate and number of channels. They are shared: a thousand calls hold
/// one copy.
#[derive(Debug, Clone)]
pub struct BackgroundSound {
    sounds: HashMap<String, Arc<[i16]>>,
    /// What plays, and what still fades out, the latest last.
    playing: Option<Voice>,
    leaving: Vec<Voice>,
    volume: Ramp,
    wanted_volume: f32,
    enabled: bool,
    repeats: bool,
    /// Of a full scale's way, in a sample.
    step: f32,
    limiter: SoftLimiter,
}

/// A sound that plays.
#[derive(Debug, Clone)]
struct Voice {
    name: String,
    sound: Arc<[i16]>,
    place: usize,
    presence: Ramp,
}

/// A number that moves to another in steps.
#[derive(Debug, Clone, Copy)]
struct Ramp {
    value: f32,
    target: f32,
}

impl Ramp {
    fn next(&mut self, step: f32) -> f32 {
        let way = self.target - self.value;
        // Also where the step is infinite, for a fade of no length.
        self.value = if way.abs() <= step { self.target } else { self.value + step.copysign(way) };
        self.value
    }

    fn is_silent(&self) -> bool {
        self.value == 0.0 && self.target == 0.0
    }
}

impl BackgroundSound {
    /// Makes a mixer without sounds, switched on.
    ///
    /// # Arguments
    ///
    /// * `volume` - What sounds are multiplied by: 1 leaves them as they are.
    /// * `fade` - Samples, of all channels, in which something goes from silence to full scale;
    ///   0 makes cuts.
    #[must_use]
    pub fn new(volume: f32, fade: usize) -> Self {
        Self {
            sounds: HashMap::new(),
            playing: None,
            leaving: Vec::new(),
            volume: Ramp { value: volume, target: volume },
            wanted_volume: volume,
            enabled: true,
            repeats: true,
            step: 1.0 / fade as f32,
            limiter: SoftLimiter::default(),
        }
    }

    /// Adds a sound, or replaces the one of that name from its next beginning on.
    pub fn add(&mut self, name: impl Into<String>, sound: Arc<[i16]>) {
        self.sounds.insert(name.into(), sound);
    }

    /// Plays a sound from its beginning, in place of the one that plays. Says whether there is one
    /// of that name: if not, nothing changes.
    pub fn play(&mut self, name: &str) -> bool {
        let Some(sound) = self.sounds.get(name) else { return false };
        let begins = if self.playing.is_none() && self.leaving.is_empty() { 1.0 } else { 0.0 };
        let voice = Voice {
            name: name.to_owned(),
            sound: Arc::clone(sound),
            place: 0,
            presence: Ramp { value: begins, target: 1.0 },
        };
        if let Some(mut before) = self.playing.replace(voice) {
            before.presence.target = 0.0;
            self.leaving.push(before);
        }
        true
    }

    /// The sound that plays. None before the first one, and when one that is not repeated is over.
    #[must_use]
    pub fn sound(&self) -> Option<&str> {
        self.playing.as_ref().map(|voice| voice.name.as_str())
    }

    /// What sounds are multiplied by, when none of it is on its way any more.
    #[must_use]
    pub fn volume(&self) -> f32 {
        self.wanted_volume
    }

    /// Turns the sound up or down.
    pub fn set_volume(&mut self, volume: f32) {
        self.wanted_volume = volume;
        self.retarget();
    }

    /// Whether there is sound.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Switches the sound on or off. It stands still while it is off.
    pub fn set_enabled(&mut self, enabled: bool) {
        self.enabled = enabled;
        self.retarget();
    }

    /// Says whether sounds begin again when they are over.
    pub fn set_repeats(&mut self, repeats: bool) {
        self.repeats = repeats;
    }

    /// Adds the next piece of the sound to a voice, which is limited softly. While the sound is
    /// off, nothing is done to it.
    pub fn mix(&mut self, chunk: &mut [i16]) {
        for sample in chunk {
            if self.playing.is_none() && self.leaving.is_empty() || self.volume.is_silent() {
                self.leaving.clear();
                return;
            }
            let volume = self.volume.next(self.step);
            let mut sum = 0.0;
            if let Some(voice) = &mut self.playing {
                sum += voice.next(self.step);
                if voice.place >= voice.sound.len() {
                    voice.place = 0;
                    if !self.repeats || voice.sound.is_empty() {
                        self.playing = None;
                    }
                }
            }
            self.leaving.retain_mut(|voice| {
                sum += voice.next(self.step);
                voice.place < voice.sound.len() && !voice.presence.is_silent()
            });
            *sample = self.limiter.limit(f32::from(*sample) + sum * volume);
        }
    }

    fn retarget(&mut self) {
        self.volume.target = if self.enabled { self.wanted_volume } else { 0.0 };
    }
}

impl Voice {
    /// The next sample, as loud as the sound is there.
    fn next(&mut self, step: f32) -> f32 {
        let sample = self.sound.get(self.place).copied().unwrap_or(0);
        self.place += 1;
        f32::from(sample) * self.presence.next(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn background(fade: usize) -> BackgroundSound {
        let mut background = BackgroundSound::new(1.0, fade);
        background.add("a", Arc::from([100, 200, 300]));
        background.add("b", Arc::from([1_000; 4]));
        background
    }

    fn mixed(background: &mut BackgroundSound, samples: usize) -> Vec<i16> {
        let mut chunk = vec![0; samples];
        background.mix(&mut chunk);
        chunk
    }

    #[test]
    fn a_sound_goes_on_from_its_end_to_its_beginning() {
        let mut background = background(0);
        assert!(background.play("a"));
        assert_eq!(mixed(&mut background, 4), [100, 200, 300, 100]);
        assert_eq!(mixed(&mut background, 4), [200, 300, 100, 200]);
        let mut voice = [1; 2];
        background.mix(&mut voice);
        assert_eq!(voice, [301, 101]);
    }

    #[test]
    fn a_sound_that_is_not_repeated_ends() {
        let mut background = background(0);
        background.set_repeats(false);
        background.play("a");
        assert_eq!(mixed(&mut background, 5), [100, 200, 300, 0, 0]);
        assert_eq!(background.sound(), None);
        background.play("a");
        assert_eq!(mixed(&mut background, 1), [100]);
    }

    #[test]
    fn one_sound_fades_into_the_next() {
        let mut background = background(4);
        background.add("a", Arc::from([1_000; 8]));
        background.play("a");
        assert_eq!(mixed(&mut background, 1), [1_000]);
        background.play("b");
        assert_eq!(background.sound(), Some("b"));
        assert_eq!(mixed(&mut background, 6), [1_000; 6]);
        assert!(background.leaving.is_empty());
    }

    #[test]
    fn volume_and_switch_move_in_steps() {
        let mut background = background(4);
        background.play("b");
        background.set_volume(0.5);
        assert_eq!(mixed(&mut background, 3), [750, 500, 500]);
        background.set_enabled(false);
        assert_eq!(mixed(&mut background, 4), [250, 0, 0, 0]);
        assert!(!background.is_enabled());
        let mut loud = [32_000; 2];
        background.mix(&mut loud);
        assert_eq!(loud, [32_000; 2], "switched off, it limits nothing");
        background.set_enabled(true);
        assert_eq!(mixed(&mut background, 3), [250, 500, 500]);
        assert_eq!(background.volume(), 0.5);
    }

    #[test]
    fn a_sound_that_does_not_exist_changes_nothing() {
        let mut background = background(0);
        background.play("b");
        assert!(!background.play("c"));
        assert_eq!(background.sound(), Some("b"));
        assert_eq!(mixed(&mut BackgroundSound::new(1.0, 10), 2), [0, 0]);
    }

    #[test]
    fn an_empty_sound_is_silence() {
        let mut background = BackgroundSound::new(1.0, 0);
        background.add("nothing", Arc::from([]));
        background.play("nothing");
        assert_eq!(mixed(&mut background, 3), [0; 3]);
    }

    #[test]
    fn a_loud_sum_is_limited() {
        let mut background = background(0);
        background.add("loud", Arc::from([30_000]));
        background.play("loud");
        let mut voice = [30_000, -30_000];
        background.mix(&mut voice);
        assert!(voice[0] > 30_000);
        assert_eq!(voice[1], 0);
    }

    #[test]
    fn cutting_makes_no_difference() {
        let play = |cuts: &[usize]| {
            let mut background = background(5);
            background.play("a");
            background.play("b");
            background.set_volume(0.3);
            cuts.iter().flat_map(|&samples| mixed(&mut background, samples)).collect::<Vec<_>>()
        };
        assert_eq!(play(&[20]), play(&[1, 7, 0, 12]));
    }
}
