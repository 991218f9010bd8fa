//! Cuts a stream into chunks of one size, and keeps what an interruption must not drop.

use std::collections::VecDeque;

use crate::AudioError;

/// Collects audio of any length and gives it back in chunks of one size.
///
/// Samples are kept in runs of equal interruptibility: an interruption drops the interruptible
/// ones, also in the middle of a chunk that is not yet full. What is cut may as well be the bytes
/// of them, or of a code.
#[derive(Debug, Clone)]
pub struct Chunker<T = i16> {
    size: usize,
    samples: VecDeque<T>,
    runs: VecDeque<Run>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    samples: usize,
    interruptible: bool,
}

impl<T: Copy + Default> Chunker<T> {
    /// Makes a chunker of so many samples a chunk, with those of all channels.
    ///
    /// # Errors
    ///
    /// If that is none.
    pub fn new(size: usize) -> Result<Self, AudioError> {
        if size == 0 {
            return Err(AudioError::Empty { what: "chunk" });
        }
        Ok(Self { size, samples: VecDeque::with_capacity(2 * size), runs: VecDeque::with_capacity(4) })
    }

    /// Makes a chunker of so many times 10 ms, as media transports send them.
    ///
    /// # Errors
    ///
    /// If a chunk would hold no sample.
    pub fn of_10_ms(count: usize, sample_rate: u32, channels: usize) -> Result<Self, AudioError> {
        Self::new(sample_rate as usize / 100 * channels * count)
    }

    /// Samples in a chunk.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Samples that have not been taken out.
    #[must_use]
    pub fn held(&self) -> usize {
        self.samples.len()
    }

    /// Adds audio, which an interruption may drop or may not.
    pub fn push(&mut self, input: &[T], interruptible: bool) {
        if input.is_empty() {
            return;
        }
        self.samples.extend(input);
        match self.runs.back_mut() {
            Some(run) if run.interruptible == interruptible => run.samples += input.len(),
            _ => self.runs.push_back(Run { samples: input.len(), interruptible }),
        }
    }

    /// Appends the next chunk to `output` if there is a full one, and says whether an interruption
    /// may drop it: it may not if any part of it must be played.
    pub fn take(&mut self, output: &mut Vec<T>) -> Option<bool> {
        (self.held() >= self.size).then(|| self.pop(self.size, output))
    }

    /// Appends what is left as a last chunk, filled up with silence. None if nothing is left; the
    /// full chunks must have been taken out before.
    pub fn flush(&mut self, output: &mut Vec<T>) -> Option<bool> {
        let held = self.held().min(self.size);
        (held > 0).then(|| {
            let interruptible = self.pop(held, output);
            output.resize(output.len() + self.size - held, T::default());
            interruptible
        })
    }

    /// Forgets the audio that an interruption may drop.
    pub fn drop_interruptible(&mut self) {
        // Each run goes once round: what is kept ends up at the back, in order.
        for _ in 0..self.runs.len() {
            let Some(run) = self.runs.pop_front() else { return };
            if run.interruptible {
                self.samples.drain(..run.samples);
            } else {
                self.samples.rotate_left(run.samples);
                self.runs.push_back(run);
            }
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.samples.clear();
        self.runs.clear();
    }

    fn pop(&mut self, count: usize, output: &mut Vec<T>) -> bool {
        output.extend(self.samples.drain(..count));
        let (mut left, mut all) = (count, true);
        while left > 0 {
            let run = self.runs.front_mut().expect("the runs are as long as the samples");
            all &= run.interruptible;
            let taken = left.min(run.samples);
            run.samples -= taken;
            left -= taken;
            if run.samples == 0 {
                self.runs.pop_front();
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(chunker: &mut Chunker) -> Vec<(Vec<i16>, bool)> {
        std::iter::from_fn(|| {
            let mut chunk = Vec::new();
            chunker.take(&mut chunk).map(|interruptible| (chunk, interruptible))
        })
        .collect()
    }

    #[test]
    fn chunks_have_one_size() {
        let mut chunker = Chunker::new(3).unwrap();
        chunker.push(&[1, 2], true);
        assert!(chunks(&mut chunker).is_empty());
        chunker.push(&[3, 4, 5, 6, 7], true);
        assert_eq!(chunks(&mut chunker), [(vec![1, 2, 3], true), (vec![4, 5, 6], true)]);
        assert_eq!(chunker.held(), 1);
        let mut last = Vec::new();
        assert_eq!(chunker.flush(&mut last), Some(true));
        assert_eq!(last, [7, 0, 0]);
        assert_eq!(chunker.flush(&mut last), None);
    }

    #[test]
    fn a_chunk_with_a_part_that_must_be_played_must_be_played() {
        let mut chunker = Chunker::new(2).unwrap();
        chunker.push(&[1], true);
        chunker.push(&[2, 3], false);
        chunker.push(&[4, 5, 6], true);
        assert_eq!(chunks(&mut chunker), [(vec![1, 2], false), (vec![3, 4], false), (vec![5, 6], true)]);
    }

    #[test]
    fn an_interruption_drops_the_rest() {
        let mut chunker = Chunker::new(10).unwrap();
        chunker.push(&[1, 2], true);
        chunker.push(&[3], false);
        chunker.push(&[4, 5], true);
        chunker.push(&[6, 7], false);
        chunker.drop_interruptible();
        let mut last = Vec::new();
        assert_eq!(chunker.flush(&mut last), Some(false));
        assert_eq!(last, [3, 6, 7, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn ten_milliseconds_times_n() {
        assert_eq!(Chunker::<i16>::of_10_ms(2, 16_000, 1).unwrap().size(), 320);
        assert_eq!(Chunker::<i16>::of_10_ms(1, 48_000, 2).unwrap().size(), 960);
        assert!(Chunker::<i16>::of_10_ms(0, 48_000, 2).is_err());
    }
}
