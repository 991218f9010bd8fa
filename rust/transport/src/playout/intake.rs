//! Audio on its way in: to the playout's rate and channels, and into chunks.

use bytes::Bytes;
use pipecat_rs_audio::{AudioError, ChannelMapper, Resampler, Stage};

use super::audio::QueuedAudio;
use super::cutter::{Chunk, Cutter, Tag};
use super::settings::PlayoutSettings;
use super::state::Marks;

/// Sample rate and channels.
type Format = (u32, u32);

/// Converts and cuts. What it holds back comes from at most one stream at a time, of which it
/// knows whether it must be played.
pub(super) struct Intake {
    wanted: Format,
    format: Format,
    converter: Option<Converter>,
    /// The beginning of a sample, or of a frame of samples, of which the end has not come.
    cut_off: Vec<u8>,
    /// Of what the converter and `cut_off` hold back.
    tag: Option<Tag>,
    cutter: Cutter,
    marks: Marks,
}

impl Intake {
    pub(super) fn new(settings: &PlayoutSettings) -> Self {
        let wanted = (settings.sample_rate, settings.channels);
        Self {
            wanted,
            format: wanted,
            converter: None,
            cut_off: Vec::new(),
            tag: None,
            cutter: Cutter::new(settings.chunk_bytes()),
            marks: Marks::default(),
        }
    }

    /// Forget what may be dropped of an utterance that is over: `marks` have changed since.
    pub(super) fn catch_up(&mut self, marks: Marks) {
        if std::mem::replace(&mut self.marks, marks) != marks {
            self.forget(|tag| tag.interruptible);
        }
    }

    /// Take audio in.
    ///
    /// # Errors
    /// If it cannot be converted; then nothing has changed.
    pub(super) fn push(&mut self, audio: QueuedAudio) -> Result<(), AudioError> {
        let format = (audio.sample_rate, audio.channels);
        if format != self.format {
            let converter = Converter::between(format, self.wanted)?;
            self.end_stream();
            (self.converter, self.format) = (converter, format);
        }
        let QueuedAudio { samples, kind, context, interruptible, epoch, .. } = audio;
        let tag = Tag { kind, context, interruptible, epoch, loose: Vec::new() };
        // Audio of a newer epoch tells of an interruption as well as the interruption itself.
        self.forget(|held| held.is_stale(epoch));
        if self.tag.as_ref().is_some_and(|held| held.interruptible != interruptible) {
            self.end_stream();
        }
        let samples = self.whole_frames(samples);
        self.tag = Some(tag.clone());
        let samples = match &mut self.converter {
            Some(converter) => converter.process(&samples),
            None => samples,
        };
        self.cutter.push(samples, tag);
        Ok(())
    }

    /// The utterance is over: what is held back becomes a last chunk, to be taken with `rest`.
    pub(super) fn end_stream(&mut self) {
        self.cut_off.clear();
        if let (Some(converter), Some(tag)) = (&mut self.converter, self.tag.take()) {
            self.cutter.push(converter.flush(), tag);
        }
    }

    /// The next full chunk.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        self.cutter.take()
    }

    /// What does not fill a chunk, filled up with silence; to be taken after the full ones.
    pub(super) fn rest(&mut self) -> Option<Chunk> {
        self.cutter.flush()
    }

    /// Forget what is so tagged.
    pub(super) fn forget(&mut self, is_void: impl Fn(&Tag) -> bool) {
        self.cutter.forget(&is_void);
        if self.tag.as_ref().is_some_and(is_void) {
            self.tag = None;
            self.cut_off.clear();
            if let Some(converter) = &mut self.converter {
                converter.reset();
            }
        }
    }

    /// Whether it holds back anything that must be played.
    pub(super) fn holds_lasting(&self) -> bool {
        let converting = self.converter.is_some() && self.tag.as_ref().is_some_and(|tag| !tag.interruptible);
        converting || self.cutter.holds_lasting()
    }

    /// Audio with what was cut off before it, less what is cut off behind it.
    fn whole_frames(&mut self, samples: Bytes) -> Bytes {
        let frame = 2 * self.format.1.max(1) as usize;
        if self.cut_off.is_empty() && samples.len().is_multiple_of(frame) {
            return samples;
        }
        let mut joined = std::mem::take(&mut self.cut_off);
        joined.extend_from_slice(&samples);
        self.cut_off = joined.split_off(joined.len() / frame * frame);
        joined.into()
    }
}

/// From one format to another. Resamples as few channels as possible.
struct Converter {
    before: Option<ChannelMapper>,
    resampler: Option<Resampler>,
    after: Option<ChannelMapper>,
    samples: Vec<i16>,
    converted: Vec<i16>,
}

impl Converter {
    /// None if there is nothing to do.
    fn between(from: Format, to: Format) -> Result<Option<Self>, AudioError> {
        if from == to {
            return Ok(None);
        }
        let mapper = |wanted: bool| {
            let (input, output) = (from.1 as usize, to.1 as usize);
            wanted.then(|| ChannelMapper::new(input, output)).transpose()
        };
        let narrower = from.1.min(to.1) as usize;
        let resampler = (from.0 != to.0).then(|| Resampler::new(from.0, to.0, narrower)).transpose()?;
        Ok(Some(Self {
            before: mapper(from.1 > to.1)?,
            resampler,
            after: mapper(from.1 < to.1)?,
            samples: Vec::new(),
            converted: Vec::new(),
        }))
    }

    fn process(&mut self, audio: &[u8]) -> Bytes {
        self.converted.clear();
        let samples = audio.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        self.converted.extend(samples);
        for stage in Self::stages(&mut self.before, &mut self.resampler, &mut self.after) {
            std::mem::swap(&mut self.samples, &mut self.converted);
            self.converted.clear();
            stage.process(&self.samples, &mut self.converted);
        }
        to_bytes(&self.converted)
    }

    fn flush(&mut self) -> Bytes {
        self.converted.clear();
        for stage in Self::stages(&mut self.before, &mut self.resampler, &mut self.after) {
            std::mem::swap(&mut self.samples, &mut self.converted);
            self.converted.clear();
            stage.process(&self.samples, &mut self.converted);
            stage.flush(&mut self.converted);
        }
        to_bytes(&self.converted)
    }

    fn reset(&mut self) {
        Self::stages(&mut self.before, &mut self.resampler, &mut self.after).for_each(Stage::reset);
    }

    fn stages<'a>(
        before: &'a mut Option<ChannelMapper>,
        resampler: &'a mut Option<Resampler>,
        after: &'a mut Option<ChannelMapper>,
    ) -> impl Iterator<Item = &'a mut dyn Stage> {
        let before = before.as_mut().map(|stage| stage as &mut dyn Stage);
        let resampler = resampler.as_mut().map(|stage| stage as &mut dyn Stage);
        let after = after.as_mut().map(|stage| stage as &mut dyn Stage);
        [before, resampler, after].into_iter().flatten()
    }
}

pub(super) fn to_bytes(samples: &[i16]) -> Bytes {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>().into()
}
