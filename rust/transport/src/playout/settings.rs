//! How a playout plays.

use std::time::Duration;

const BYTES_PER_SAMPLE: usize = 2;

/// What a playout keeps to for all of its life.
#[derive(Clone, Debug)]
pub struct PlayoutSettings {
    /// Rate of what is written, in Hz.
    pub sample_rate: u32,
    /// Its channels.
    pub channels: u32,
    /// How long a chunk lasts: a multiple of 10 ms.
    pub chunk: Duration,
    /// How long before its turn a chunk is written, against jitter on the way. The first one after
    /// a pause is written at once. From 5 ms on sessions write together, up to 5 ms less ahead.
    pub lead: Duration,
    /// Silence written behind everything else when the playout is finished, all at once: it keeps a
    /// peer that stops with the connection from cutting off the last word.
    pub end_silence: Duration,
    /// After this long without room for one chunk the peer counts as gone.
    pub write_timeout: Duration,
    /// A bot that speaks, but of which no audio comes, has stopped after this time.
    pub no_audio_stop: Duration,
    /// Silence of this length in an unbroken stream ends the bot's speech.
    pub stream_stop: Duration,
    /// How often a bot that speaks says so.
    pub speaking_period: Duration,
    /// Whether silence is written while nothing is queued.
    pub auto_silence: bool,
    /// Factor on the samples at the beginning.
    pub volume: f32,
    /// Audio beyond this length is not queued, and reported.
    pub max_queued: Duration,
}

impl PlayoutSettings {
    /// The usual ones.
    #[must_use]
    pub const fn new(sample_rate: u32, channels: u32) -> Self {
        Self {
            sample_rate,
            channels,
            chunk: Duration::from_millis(40),
            lead: Duration::ZERO,
            end_silence: Duration::ZERO,
            write_timeout: Duration::from_secs(10),
            no_audio_stop: Duration::from_secs(3),
            stream_stop: Duration::from_millis(350),
            speaking_period: Duration::from_millis(200),
            auto_silence: false,
            volume: 1.0,
            max_queued: Duration::from_secs(600),
        }
    }

    /// Bytes in one sample of all channels.
    pub(super) fn frame_bytes(&self) -> usize {
        BYTES_PER_SAMPLE * self.channels.max(1) as usize
    }

    /// Bytes in a chunk. 10 ms of 22,050 Hz are 220 frames, as everywhere in the trade.
    pub(super) fn chunk_bytes(&self) -> usize {
        let tens = (self.chunk.as_millis() / 10).max(1) as usize;
        (self.sample_rate as usize / 100).max(1) * tens * self.frame_bytes()
    }

    /// Whole frames in a length, as bytes.
    pub(super) fn bytes_in(&self, length: Duration) -> usize {
        (length.as_secs_f64() * f64::from(self.sample_rate)).round() as usize * self.frame_bytes()
    }

    /// How long so many bytes play.
    pub(super) fn length_of(&self, bytes: usize) -> Duration {
        duration_of((bytes / self.frame_bytes()) as u64, self.sample_rate)
    }
}

/// How long so many frames play, to the nanosecond.
pub(super) fn duration_of(frames: u64, sample_rate: u32) -> Duration {
    let rate = u64::from(sample_rate.max(1));
    Duration::new(frames / rate, (frames % rate * 1_000_000_000 / rate) as u32)
}

/// What may be changed while it plays: factors on the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Controls {
    /// Set by a volume frame.
    pub volume: f32,
    /// Set by a gain frame.
    pub gain: f32,
}

impl Controls {
    pub(super) fn factor(self) -> f32 {
        self.volume * self.gain
    }
}
