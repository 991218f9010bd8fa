//! The audio of a stream that its next judgement hears.

use std::collections::VecDeque;
use std::time::Duration;

/// Speech that is reported later than this is cut at its beginning, unless the report says so.
const LATE_REPORT: Duration = Duration::from_secs(1);

/// How much a [`Segment`] keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SegmentParams {
    /// Sample rate of the audio, in Hz.
    pub sample_rate: u32,
    /// How long it is quiet behind speech until the turn is over whatever the network thinks.
    pub stop: Duration,
    /// How far before the report of speech the segment begins.
    pub pre_speech: Duration,
    /// What the segment is cut to, at its end.
    pub longest: Duration,
}

/// Mono audio from shortly before speech began, at most as much as the network hears.
///
/// While nobody has spoken it keeps the little that goes before speech; in a turn it grows up to
/// the longest segment, and is a ring from then on.
#[derive(Debug)]
pub struct Segment {
    params: SegmentParams,
    /// How long somebody speaks before it is reported.
    start: Duration,
    samples: VecDeque<i16>,
    /// Of `samples`, those before the report of speech; None if nobody has spoken in this turn.
    before_report: Option<usize>,
    /// Samples since speech, in a turn.
    silence: u64,
}

impl Segment {
    /// An empty segment.
    #[must_use]
    pub fn new(params: SegmentParams) -> Self {
        Self { params, start: Duration::ZERO, samples: VecDeque::new(), before_report: None, silence: 0 }
    }

    /// What it keeps.
    #[must_use]
    pub fn params(&self) -> SegmentParams {
        self.params
    }

    /// Takes over how long somebody speaks before it is reported, to reach back as far.
    pub fn set_start(&mut self, start: Duration) {
        self.start = start;
    }

    /// Follows audio of another rate from now on; what there is of the old one is forgotten.
    pub fn set_sample_rate(&mut self, sample_rate: u32) {
        if sample_rate != self.params.sample_rate {
            self.params.sample_rate = sample_rate;
            self.clear();
        }
    }

    /// Whether somebody has spoken in this turn.
    #[must_use]
    pub fn has_speech(&self) -> bool {
        self.before_report.is_some()
    }

    /// Whether there is nothing to judge.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Takes audio in, and says whether it has been quiet for so long that the turn is over. Then
    /// the segment is empty again.
    pub fn append(&mut self, samples: &[i16], is_speech: bool) -> bool {
        if is_speech {
            self.silence = 0;
            let before = self.samples.len();
            self.before_report.get_or_insert(before);
        } else if self.has_speech() {
            self.silence += samples.len() as u64;
        }
        self.samples.extend(samples);
        let excess = self.samples.len().saturating_sub(self.capacity());
        self.samples.drain(..excess);
        if let Some(before) = &mut self.before_report {
            *before = before.saturating_sub(excess);
        }
        let over = self.has_speech() && self.silence >= self.count(self.params.stop) as u64;
        if over {
            self.clear();
        }
        over
    }

    /// The audio of the turn so far, or of the time before it.
    #[must_use]
    pub fn audio(&self) -> Vec<i16> {
        let reach = self.count(self.params.pre_speech + self.start);
        let from = self.before_report.map_or(0, |before| before.saturating_sub(reach));
        let longest = self.count(self.params.longest);
        self.samples.range(from.max(self.samples.len().saturating_sub(longest))..).copied().collect()
    }

    /// Forgets the turn, and gives memory back.
    pub fn clear(&mut self) {
        self.samples = VecDeque::new();
        self.before_report = None;
        self.silence = 0;
    }

    /// Samples to keep.
    fn capacity(&self) -> usize {
        let longest = self.count(self.params.longest);
        if self.has_speech() {
            return longest;
        }
        longest.min(self.count(self.params.pre_speech + self.start.max(LATE_REPORT)))
    }

    fn count(&self, duration: Duration) -> usize {
        (duration.as_secs_f64() * f64::from(self.params.sample_rate)).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Segment, SegmentParams};

    const PARAMS: SegmentParams = SegmentParams {
        sample_rate: 1_000,
        stop: Duration::from_secs(3),
        pre_speech: Duration::from_millis(500),
        longest: Duration::from_secs(8),
    };

    fn segment() -> Segment {
        let mut segment = Segment::new(PARAMS);
        segment.set_start(Duration::from_millis(200));
        segment
    }

    #[test]
    fn begins_before_the_report_of_speech() {
        let mut segment = segment();
        segment.append(&[1; 5_000], false);
        segment.append(&[2; 1_000], true);
        segment.append(&[3; 300], false);
        let audio = segment.audio();
        assert_eq!(audio, [vec![1; 700], vec![2; 1_000], vec![3; 300]].concat());
    }

    #[test]
    fn is_cut_to_the_longest_at_its_end() {
        let mut segment = segment();
        segment.append(&[1; 6_000], true);
        segment.append(&[2; 6_000], true);
        assert_eq!(segment.audio(), [vec![1; 2_000], vec![2; 6_000]].concat());
    }

    #[test]
    fn is_over_when_it_was_quiet_for_long_and_then_empty() {
        let mut segment = segment();
        segment.append(&[1; 100], true);
        assert!(!segment.append(&[0; 2_000], false));
        assert!(!segment.append(&[1; 100], true), "speech begins the time anew");
        assert!(!segment.append(&[0; 2_999], false));
        assert!(segment.append(&[0; 1], false));
        assert!(!segment.has_speech());
        assert_eq!(segment.audio(), []);
    }

    #[test]
    fn silence_alone_is_never_over() {
        let mut segment = segment();
        assert!(!segment.append(&[0; 100_000], false));
        assert_eq!(segment.audio().len(), 1_500);
    }

    proptest! {
        #[test]
        fn how_the_audio_is_cut_makes_no_difference(
            parts in prop::collection::vec((1..2_500usize, any::<bool>()), 1..12), piece in 1..700usize
        ) {
            let (mut whole, mut pieces) = (segment(), segment());
            for (number, (length, is_speech)) in parts.into_iter().enumerate() {
                let audio = vec![number as i16; length];
                let over = whole.append(&audio, is_speech);
                let mut over_in_pieces = false;
                for part in audio.chunks(piece) {
                    over_in_pieces |= pieces.append(part, is_speech);
                }
                prop_assert_eq!(over, over_in_pieces);
                prop_assert_eq!(whole.has_speech(), pieces.has_speech());
                if over {
                    // What came behind the end belongs to the next turn, which one call cannot know.
                    whole.clear();
                    pieces.clear();
                }
                let (audio, expected) = (pieces.audio(), whole.audio());
                prop_assert!(audio.len() <= 8_000);
                prop_assert_eq!(audio, expected);
            }
        }
    }
}
