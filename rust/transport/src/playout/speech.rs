//! Whether the bot speaks, judged by the audio that is written.

use std::time::Duration;

use pipecat_rs_audio::SPEAKING_THRESHOLD;
use tokio::time::Instant;

use super::audio::{AudioKind, Speech};
use super::settings::PlayoutSettings;

/// Times are those at which audio is due, not those at which it was written: so a bot that speaks
/// says so with the same chunks, however late some of them were.
#[derive(Debug)]
pub(super) struct BotSpeech {
    period: Duration,
    stream_stop: Duration,
    no_audio_stop: Duration,
    /// When it was last said that the bot speaks. None while it is silent.
    announced_at: Option<Instant>,
    voice_at: Option<Instant>,
    audio_until: Option<Instant>,
    /// Only after speech from a TTS does the end of an utterance mean that the bot has finished.
    tts_heard: bool,
}

impl BotSpeech {
    pub(super) fn new(settings: &PlayoutSettings) -> Self {
        Self {
            period: settings.speaking_period,
            stream_stop: settings.stream_stop,
            no_audio_stop: settings.no_audio_stop,
            announced_at: None,
            voice_at: None,
            audio_until: None,
            tts_heard: false,
        }
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.announced_at.is_some()
    }

    /// Whether the end of an utterance ends the bot's speech.
    pub(super) fn ends_with_utterance(&self) -> bool {
        self.tts_heard
    }

    /// When the bot has stopped if no more audio comes.
    pub(super) fn lull_at(&self) -> Option<Instant> {
        self.announced_at?;
        Some(self.audio_until? + self.no_audio_stop)
    }

    /// A chunk was written that is heard from then to then.
    pub(super) fn playing(
        &mut self,
        kind: AudioKind,
        samples: &[u8],
        (from, to): (Instant, Instant),
        mut announce: impl FnMut(Speech),
    ) {
        self.audio_until = Some(to);
        match kind {
            AudioKind::Plain => {}
            AudioKind::Tts => {
                self.tts_heard = true;
                self.voice(from, announce);
            }
            AudioKind::Speech if !is_silence(samples) => self.voice(from, announce),
            AudioKind::Speech => {
                let silent = self.voice_at.map(|at| from.saturating_duration_since(at));
                if silent.is_some_and(|length| length > self.stream_stop) && self.stop() {
                    announce(Speech::Stopped);
                }
            }
        }
    }

    /// The bot has stopped. Whether it was speaking.
    pub(super) fn stop(&mut self) -> bool {
        self.tts_heard = false;
        self.announced_at.take().is_some()
    }

    fn voice(&mut self, now: Instant, mut announce: impl FnMut(Speech)) {
        self.voice_at = Some(now);
        let elapsed = self.announced_at.map(|at| now.saturating_duration_since(at));
        if elapsed.is_none() {
            announce(Speech::Started);
        }
        if elapsed.is_none_or(|elapsed| elapsed >= self.period) {
            self.announced_at = Some(now);
            announce(Speech::Speaking);
        }
    }
}

fn is_silence(samples: &[u8]) -> bool {
    let mut samples = samples.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    samples.all(|sample| sample.unsigned_abs() <= SPEAKING_THRESHOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: [u8; 2] = [0, 4];
    const SILENT: [u8; 2] = [20, 0];
    const CHUNK: Duration = Duration::from_millis(40);

    fn play(speech: &mut BotSpeech, kind: AudioKind, samples: &[u8], from: Instant) -> Vec<Speech> {
        let mut said = Vec::new();
        speech.playing(kind, samples, (from, from + CHUNK), |speech| said.push(speech));
        said
    }

    #[test]
    fn a_stream_stops_after_its_silence_and_begins_again() {
        let mut speech = BotSpeech::new(&PlayoutSettings::new(16_000, 1));
        let start = Instant::now();
        let mut said = Vec::new();
        for n in 0..30_u32 {
            let samples = if (5..20).contains(&n) { SILENT } else { LOUD };
            for what in play(&mut speech, AudioKind::Speech, &samples, start + n * CHUNK) {
                said.push((n, what));
            }
        }
        let voice = |n| [(n, Speech::Started), (n, Speech::Speaking)];
        let expected = [&voice(0)[..], &[(13, Speech::Stopped)], &voice(20), &[(25, Speech::Speaking)]];
        assert_eq!(said, expected.concat());
    }

    #[test]
    fn other_audio_is_no_speech() {
        let mut speech = BotSpeech::new(&PlayoutSettings::new(16_000, 1));
        assert!(play(&mut speech, AudioKind::Plain, &LOUD, Instant::now()).is_empty());
        assert!(!speech.ends_with_utterance() && speech.lull_at().is_none() && !speech.stop());
    }
}
