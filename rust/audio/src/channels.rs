//! From mono to stereo and back.

use crate::error::check_channels;
use crate::{AudioError, Stage};

/// Gives a stream the number of channels that the next stage wants: mono goes to both sides of
/// stereo, and stereo becomes the mean of its sides.
#[derive(Debug, Clone)]
pub struct ChannelMapper {
    input: usize,
    output: usize,
    /// The left sample of a stereo frame whose right one has not come yet.
    left: Option<i16>,
}

impl ChannelMapper {
    /// Makes a mapper from `input` channels to `output` channels.
    ///
    /// # Errors
    ///
    /// If one of them is not 1 or 2.
    pub fn new(input: usize, output: usize) -> Result<Self, AudioError> {
        Ok(Self { input: check_channels(input)?, output: check_channels(output)?, left: None })
    }

    fn downmix(&mut self, mut input: &[i16], output: &mut Vec<i16>) {
        if let (Some(left), Some((&right, rest))) = (self.left, input.split_first()) {
            output.push(mean(left, right));
            self.left = None;
            input = rest;
        }
        let frames = input.chunks_exact(2);
        if let [left] = frames.remainder() {
            self.left = Some(*left);
        }
        output.extend(frames.map(|frame| mean(frame[0], frame[1])));
    }
}

impl Stage for ChannelMapper {
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        match (self.input, self.output) {
            (1, 2) => output.extend(input.iter().flat_map(|&sample| [sample, sample])),
            (2, 1) => self.downmix(input, output),
            _ => output.extend_from_slice(input),
        }
    }

    fn flush(&mut self, _: &mut Vec<i16>) {
        self.reset();
    }

    fn reset(&mut self) {
        self.left = None;
    }
}

/// Appends two mono streams as stereo, as long as the shorter one.
pub fn interleave(left: &[i16], right: &[i16], output: &mut Vec<i16>) {
    let begin = output.len();
    output.resize(begin + 2 * left.len().min(right.len()), 0);
    let frames = output[begin..].as_chunks_mut::<2>().0;
    for ((frame, &left), &right) in frames.iter_mut().zip(left).zip(right) {
        *frame = [left, right];
    }
}

/// Appends the sides of stereo to a stream each. Half a frame at the end is left out.
pub fn deinterleave(stereo: &[i16], left: &mut Vec<i16>, right: &mut Vec<i16>) {
    let frames = stereo.chunks_exact(2);
    left.extend(frames.clone().map(|frame| frame[0]));
    right.extend(frames.map(|frame| frame[1]));
}

/// Rounds towards zero, which adds no offset to a signal around it.
fn mean(left: i16, right: i16) -> i16 {
    ((i32::from(left) + i32::from(right)) / 2) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(input: usize, output: usize, samples: &[i16]) -> Vec<i16> {
        let mut mapped = Vec::new();
        ChannelMapper::new(input, output).unwrap().process(samples, &mut mapped);
        mapped
    }

    #[test]
    fn mono_goes_to_both_sides() {
        assert_eq!(map(1, 2, &[1, -2]), [1, 1, -2, -2]);
    }

    #[test]
    fn stereo_becomes_the_mean_without_overflow() {
        assert_eq!(map(2, 1, &[32767, 32767, -32768, -32768, 3, 4, -3, -4]), [32767, -32768, 3, -3]);
    }

    #[test]
    fn equal_numbers_of_channels_change_nothing() {
        assert_eq!(map(1, 1, &[1, 2, 3]), [1, 2, 3]);
        assert_eq!(map(2, 2, &[1, 2, 3, 4]), [1, 2, 3, 4]);
    }

    #[test]
    fn a_frame_cut_in_two_is_put_together() {
        let mut mapper = ChannelMapper::new(2, 1).unwrap();
        let mut mapped = Vec::new();
        mapper.process(&[10], &mut mapped);
        assert!(mapped.is_empty());
        mapper.process(&[20, 30], &mut mapped);
        mapper.process(&[40], &mut mapped);
        assert_eq!(mapped, [15, 35]);
    }

    #[test]
    fn sides_are_joined_and_parted() {
        let (mut stereo, mut left, mut right) = (Vec::new(), Vec::new(), Vec::new());
        interleave(&[1, 2, 3], &[4, 5], &mut stereo);
        assert_eq!(stereo, [1, 4, 2, 5]);
        deinterleave(&[1, 4, 2, 5, 3], &mut left, &mut right);
        assert_eq!((left, right), (vec![1, 2], vec![4, 5]));
    }

    #[test]
    fn other_numbers_of_channels_are_refused() {
        let error = ChannelMapper::new(1, 6).unwrap_err();
        assert_eq!(error.to_string(), "6 channels are not supported: 1 or 2 are");
    }
}
