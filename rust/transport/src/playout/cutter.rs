//! Cuts a stream into chunks of one size that know what they were made of.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use pipecat_engine::Epoch;

use super::audio::AudioKind;

/// Where audio comes from.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) kind: AudioKind,
    pub(super) context: Option<Arc<str>>,
    pub(super) interruptible: bool,
    pub(super) epoch: Epoch,
    /// In a chunk that must be played: the bytes of it that need not, and their epochs.
    pub(super) loose: Vec<(Range<usize>, Epoch)>,
}

impl Tag {
    /// Whether an interruption that begins `epoch` drops it.
    pub(super) fn is_stale(&self, epoch: Epoch) -> bool {
        self.interruptible && self.epoch.is_before(epoch)
    }

    /// Silence the parts of a chunk that an interruption drops, where the chunk as a whole stays.
    pub(super) fn silence(&mut self, samples: &mut Bytes, mut is_void: impl FnMut(Epoch) -> bool) {
        if self.loose.iter().any(|(_, epoch)| is_void(*epoch)) {
            let mut kept = samples.to_vec();
            for (range, _) in self.loose.extract_if(.., |(_, epoch)| is_void(*epoch)) {
                kept[range].fill(0);
            }
            *samples = kept.into();
        }
    }
}

/// A chunk of audio. Its tag is that of its last part, but it must be played if any part of it must.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) samples: Bytes,
    pub(super) tag: Tag,
}

/// Collects audio of any length. Kept in runs as it came, so that a part of what does not fill a
/// chunk yet can be dropped, and that long audio is cut without a copy.
#[derive(Debug)]
pub(super) struct Cutter {
    size: usize,
    runs: VecDeque<Chunk>,
    held: usize,
}

impl Cutter {
    /// Of chunks of `size` bytes.
    pub(super) fn new(size: usize) -> Self {
        Self { size, runs: VecDeque::new(), held: 0 }
    }

    pub(super) fn push(&mut self, samples: Bytes, tag: Tag) {
        if !samples.is_empty() {
            self.held += samples.len();
            self.runs.push_back(Chunk { samples, tag });
        }
    }

    /// The next full chunk.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        (self.held >= self.size).then(|| self.cut())
    }

    /// What is left as a last chunk, filled up with silence.
    pub(super) fn flush(&mut self) -> Option<Chunk> {
        (self.held > 0).then(|| self.cut())
    }

    /// Forget what is so tagged.
    pub(super) fn forget(&mut self, mut is_void: impl FnMut(&Tag) -> bool) {
        self.runs.retain(|run| !is_void(&run.tag));
        self.held = self.runs.iter().map(|run| run.samples.len()).sum();
    }

    /// Whether it holds back anything that must be played.
    pub(super) fn holds_lasting(&self) -> bool {
        self.runs.iter().any(|run| !run.tag.interruptible)
    }

    fn cut(&mut self) -> Chunk {
        let size = self.size;
        let mut first = self.runs.pop_front().expect("only called if something is held");
        if first.samples.len() >= size {
            self.held -= size;
            let chunk = Chunk { samples: first.samples.split_to(size), tag: first.tag.clone() };
            if !first.samples.is_empty() {
                self.runs.push_front(first);
            }
            return chunk;
        }
        let mut samples = BytesMut::with_capacity(size);
        let (mut tag, mut interruptible, mut loose) = (first.tag.clone(), true, Vec::new());
        let mut next = Some(first);
        while let Some(mut run) = next {
            let from = samples.len();
            samples.extend_from_slice(&run.samples.split_to(run.samples.len().min(size - from)));
            interruptible &= run.tag.interruptible;
            if run.tag.interruptible {
                loose.push((from..samples.len(), run.tag.epoch));
            }
            tag = run.tag.clone();
            if !run.samples.is_empty() {
                self.runs.push_front(run);
            }
            next = if samples.len() < size { self.runs.pop_front() } else { None };
        }
        if interruptible {
            loose.clear();
        }
        self.held -= samples.len();
        samples.resize(size, 0);
        Chunk { samples: samples.freeze(), tag: Tag { interruptible, loose, ..tag } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(interruptible: bool) -> Tag {
        Tag { kind: AudioKind::Plain, context: None, interruptible, epoch: Epoch(0), loose: Vec::new() }
    }

    fn taken(cutter: &mut Cutter) -> Vec<(Vec<u8>, bool)> {
        let next = || cutter.take().map(|chunk| (chunk.samples.to_vec(), chunk.tag.interruptible));
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn chunks_have_one_size_and_the_last_is_filled_up() {
        let mut cutter = Cutter::new(3);
        cutter.push(Bytes::from_static(&[1, 2]), tag(true));
        assert!(taken(&mut cutter).is_empty());
        cutter.push(Bytes::from_static(&[3, 4, 5, 6, 7]), tag(true));
        assert_eq!(taken(&mut cutter), [(vec![1, 2, 3], true), (vec![4, 5, 6], true)]);
        assert_eq!(cutter.flush().unwrap().samples[..], [7, 0, 0]);
        assert!(cutter.flush().is_none());
    }

    #[test]
    fn a_chunk_with_a_part_that_must_be_played_must_be_played() {
        let mut cutter = Cutter::new(2);
        cutter.push(Bytes::from_static(&[1]), tag(true));
        cutter.push(Bytes::from_static(&[2, 3]), tag(false));
        cutter.push(Bytes::from_static(&[4, 5, 6]), tag(true));
        assert_eq!(taken(&mut cutter), [(vec![1, 2], false), (vec![3, 4], false), (vec![5, 6], true)]);
    }

    #[test]
    fn of_a_chunk_that_must_be_played_the_rest_can_be_silenced() {
        let mut cutter = Cutter::new(6);
        for (run, interruptible, epoch) in [(&[1, 2][..], true, 1), (&[3], false, 1), (&[4, 5, 6], true, 2)] {
            let tag = Tag { epoch: Epoch(epoch), ..tag(interruptible) };
            cutter.push(Bytes::copy_from_slice(run), tag);
        }
        let mut chunk = cutter.take().unwrap();
        let mut silenced = |epoch| {
            chunk.tag.silence(&mut chunk.samples, |of| of.is_before(Epoch(epoch)));
            chunk.samples.to_vec()
        };
        assert_eq!(silenced(1), [1, 2, 3, 4, 5, 6]);
        assert_eq!(silenced(2), [0, 0, 3, 4, 5, 6]);
        assert_eq!(silenced(3), [0, 0, 3, 0, 0, 0]);
    }

    #[test]
    fn a_part_of_a_chunk_can_be_forgotten() {
        let mut cutter = Cutter::new(9);
        for (run, interruptible) in [(&[1, 2][..], true), (&[3], false), (&[4], true), (&[5], false)] {
            cutter.push(Bytes::copy_from_slice(run), tag(interruptible));
        }
        cutter.forget(|tag| tag.interruptible);
        assert!(cutter.holds_lasting());
        let last = cutter.flush().unwrap();
        assert_eq!((&last.samples[..2], last.tag.interruptible), (&[3, 5][..], false));
        assert!(!cutter.holds_lasting());
    }

    #[test]
    fn long_audio_is_cut_without_a_copy() {
        let audio = Bytes::from(vec![7; 10]);
        let mut cutter = Cutter::new(4);
        cutter.push(audio.clone(), tag(true));
        assert_eq!(cutter.take().unwrap().samples.as_ptr(), audio.as_ptr());
        assert_eq!(cutter.take().unwrap().samples.as_ptr(), audio[4..].as_ptr());
    }
}
