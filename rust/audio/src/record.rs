//! Recordings in WAV files.

use std::io::{Seek, Write};

use crate::AudioError;
use crate::error::check_channels;

/// Writes a stream into a WAV file, whose writer the caller brings.
///
/// The header is brought up to date by [`sync`](Self::sync), so that a program that is killed
/// leaves a valid recording of all that went before it.
pub struct WavRecorder<W: Write + Seek> {
    writer: hound::WavWriter<W>,
    channels: usize,
    /// The left sample of a stereo frame whose right one has not come yet.
    left: Option<i16>,
}

impl<W: Write + Seek> WavRecorder<W> {
    /// Begins a recording.
    ///
    /// # Errors
    ///
    /// If there are not one or two channels, or the writer fails.
    pub fn new(writer: W, sample_rate: u32, channels: usize) -> Result<Self, AudioError> {
        let spec = hound::WavSpec {
            channels: check_channels(channels)? as u16,
            sample_rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        Ok(Self { writer: hound::WavWriter::new(writer, spec)?, channels, left: None })
    }

    /// Writes the next samples.
    ///
    /// # Errors
    ///
    /// If the writer fails, or the file would exceed the 4 GiB of its format.
    pub fn process(&mut self, input: &[i16]) -> Result<(), AudioError> {
        // A file must end with a whole frame, so half of one waits outside of it.
        let waiting = usize::from(self.left.is_some());
        let whole = (waiting + input.len()) / self.channels * self.channels;
        if whole == 0 {
            self.left = input.first().copied().or(self.left);
            return Ok(());
        }
        let (ready, rest) = input.split_at(whole - waiting);
        for sample in self.left.take().into_iter().chain(ready.iter().copied()) {
            self.writer.write_sample(sample)?;
        }
        self.left = rest.first().copied();
        Ok(())
    }

    /// Frames written so far.
    #[must_use]
    pub fn frames(&self) -> u32 {
        self.writer.duration()
    }

    /// Brings the header up to date and flushes the writer.
    ///
    /// # Errors
    ///
    /// If the writer fails.
    pub fn sync(&mut self) -> Result<(), AudioError> {
        Ok(self.writer.flush()?)
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// If the writer fails.
    pub fn finish(self) -> Result<(), AudioError> {
        Ok(self.writer.finalize()?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(file: &[u8]) -> (hound::WavSpec, Vec<i16>) {
        let mut reader = hound::WavReader::new(file).unwrap();
        (reader.spec(), reader.samples().map(Result::unwrap).collect())
    }

    #[test]
    fn what_was_recorded_is_read() {
        let mut file = Cursor::new(Vec::new());
        let mut recorder = WavRecorder::new(&mut file, 24_000, 1).unwrap();
        recorder.process(&[1, -2, i16::MIN]).unwrap();
        recorder.process(&[]).unwrap();
        recorder.process(&[i16::MAX]).unwrap();
        assert_eq!(recorder.frames(), 4);
        recorder.finish().unwrap();
        let (spec, samples) = read(file.get_ref());
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 24_000, 16));
        assert_eq!(samples, [1, -2, i16::MIN, i16::MAX]);
    }

    #[test]
    fn half_a_frame_waits_for_its_other_half() {
        let mut file = Cursor::new(Vec::new());
        let mut recorder = WavRecorder::new(&mut file, 8_000, 2).unwrap();
        for sample in [1, 2, 3] {
            recorder.process(&[sample]).unwrap();
        }
        recorder.process(&[4, 5]).unwrap();
        recorder.finish().unwrap();
        assert_eq!(read(file.get_ref()).1, [1, 2, 3, 4]);
    }

    #[test]
    fn a_synced_recording_is_valid_before_its_end() {
        let mut file = Cursor::new(Vec::new());
        let mut recorder = WavRecorder::new(&mut file, 8_000, 1).unwrap();
        recorder.process(&[1, 2, 3]).unwrap();
        recorder.sync().unwrap();
        std::mem::forget(recorder);
        assert_eq!(read(file.get_ref()).1, [1, 2, 3]);
    }
}
