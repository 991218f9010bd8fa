//! Audio that comes faster than it lasts: from a file, or from a test.
//!
//! It would all have passed before the network has heard the first of it, and what listens for speech
//! further on, as a segmented speech-to-text does, would find the events behind the words. So it waits
//! until what came before it has been heard. Live audio never waits.
//!
//! Events that go against the stream, to a transport's input, come back from there when Python has run;
//! audio from a file may be some tenths of a second ahead of them.

use std::collections::VecDeque;
use std::time::Instant;

use crate::host::Frame;

/// How far a stream may be ahead of its own pace, in seconds, and still be live: a burst of the network's.
const LIVE_SECS: f64 = 0.2;
/// What passes at once of audio that waits, in seconds: a window.
const STEP_SECS: f64 = 0.032;

/// Audio as the detector takes it.
pub(super) struct Audio {
    pub(super) samples: Vec<i16>,
    pub(super) sample_rate: u32,
    pub(super) channels: u32,
}

impl Audio {
    fn secs(&self) -> f64 {
        let per_second = f64::from(self.sample_rate.max(1)) * f64::from(self.channels.max(1));
        self.samples.len() as f64 / per_second
    }
}

/// A frame with its audio, unless nobody listens.
pub(super) type Passing = (Frame, Option<Audio>);

/// What of a stream waits.
#[derive(Default)]
pub(super) struct Lead {
    ahead_secs: f64,
    latest: Option<Instant>,
    waiting: VecDeque<Passing>,
    /// Whether the engine's thread lets out what waits.
    releasing: bool,
    released_secs: f64,
    /// Marks of what was to be drained meanwhile.
    marks: Vec<u64>,
}

/// What becomes of a frame.
pub(super) enum Admission {
    /// It passes.
    Passes(Passing),
    /// It waits.
    Waits,
    /// It is the first that does: it is to be let out when what came before has been heard.
    WaitsFirst,
}

/// What to do next of what waits.
pub(super) enum Release {
    /// Let this out, and ask again.
    Frame(Passing),
    /// Go on when what is out has been heard.
    Pause,
    /// Nothing waits any more; drain these marks.
    Over(Vec<u64>),
}

impl Lead {
    pub(super) fn admit(&mut self, passing: Passing, now: Instant) -> Admission {
        if let (_, Some(audio)) = &passing {
            let passed =
                self.latest.map_or(0.0, |latest| now.saturating_duration_since(latest).as_secs_f64());
            self.latest = Some(now);
            self.ahead_secs = (self.ahead_secs - passed).max(0.0) + audio.secs();
        }
        if self.releasing {
            self.waiting.push_back(passing);
            return Admission::Waits;
        }
        if passing.1.is_none() || self.ahead_secs <= LIVE_SECS {
            return Admission::Passes(passing);
        }
        self.releasing = true;
        self.waiting.push_back(passing);
        Admission::WaitsFirst
    }

    pub(super) fn release(&mut self) -> Release {
        if self.released_secs >= STEP_SECS {
            self.released_secs = 0.0;
            return Release::Pause;
        }
        match self.waiting.pop_front() {
            Some(passing) => {
                self.released_secs += passing.1.as_ref().map_or(0.0, Audio::secs);
                Release::Frame(passing)
            }
            None => {
                self.releasing = false;
                self.released_secs = 0.0;
                Release::Over(std::mem::take(&mut self.marks))
            }
        }
    }

    /// Whether a mark has to wait for what waits; it is kept then.
    pub(super) fn keeps(&mut self, mark: u64) -> bool {
        if self.releasing {
            self.marks.push(mark);
        }
        self.releasing
    }
}
