use pipecat_rs_audio::vad::{VadParams, Windows};
use pipecat_rs_audio::{AudioError, ChannelMapper, Resampler, Stage};

use super::engine::Stream;
use super::line::Item;
use super::seat::{DetectorParams, VoiceReport};
use super::{VadEngine, VadRate};

/// Follows the voice in one stream of audio of any rate. Whoever hands it audio never waits.
///
/// At 16 and at 8 kHz the network hears the audio as it is, at other rates resampled to 16 kHz; of stereo
/// it hears the mean.
pub struct VoiceDetector {
    stream: Stream,
    hears_narrow: bool,
    input: Option<Input>,
}

/// From the stream's audio to the network's windows.
struct Input {
    rate: u32,
    channels: u32,
    mapper: Option<ChannelMapper>,
    resampler: Option<Resampler>,
    windows: Windows,
    mono: Vec<i16>,
    resampled: Vec<i16>,
}

impl VoiceDetector {
    /// Makes a detector. Its listener is called on the engine's thread, in the stream's order, and must
    /// not wait; no longer once the detector has been dropped and the window in hand is done.
    #[must_use]
    pub fn new(
        engine: &VadEngine,
        params: DetectorParams,
        listener: impl FnMut(VoiceReport) + Send + 'static,
    ) -> Self {
        let stream = engine.open(params, Box::new(listener));
        Self { stream, hears_narrow: engine.hears(VadRate::Narrow), input: None }
    }

    /// Takes a piece of audio in.
    ///
    /// # Errors
    ///
    /// If there are more than two channels, or the rate is out of the resampler's range. The piece is
    /// not heard then.
    pub fn process(&mut self, samples: &[i16], sample_rate: u32, channels: u32) -> Result<(), AudioError> {
        self.stream.hears_audio();
        let is_known =
            self.input.as_ref().is_some_and(|input| (input.rate, input.channels) == (sample_rate, channels));
        if !is_known {
            let (rate, input) = Input::of(sample_rate, channels, self.hears_narrow)?;
            self.stream.push(Item::Rate(rate));
            self.input = Some(input);
        }
        if let Some(input) = &mut self.input {
            input.process(samples, |window, settles| self.stream.push_window(window, settles));
        }
        Ok(())
    }

    /// Changes when a voice counts, from the next window on; it is quiet to begin with.
    pub fn set_params(&self, params: VadParams) {
        self.stream.push(Item::Params(params));
    }

    /// Has a mark reported once everything before it has been.
    pub fn drain(&self, mark: u64) {
        self.stream.push(Item::Drain(mark));
    }

    /// Windows that were dropped because the machine could not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.stream.dropped()
    }
}

impl Input {
    fn of(sample_rate: u32, channels: u32, hears_narrow: bool) -> Result<(VadRate, Self), AudioError> {
        let rate = match VadRate::of(sample_rate) {
            Some(VadRate::Narrow) if !hears_narrow => VadRate::Wide,
            Some(rate) => rate,
            None => VadRate::Wide,
        };
        let is_same = rate.hz() == sample_rate;
        let input = Self {
            rate: sample_rate,
            channels,
            mapper: if channels == 1 { None } else { Some(ChannelMapper::new(channels as usize, 1)?) },
            resampler: if is_same { None } else { Some(Resampler::new(sample_rate, rate.hz(), 1)?) },
            windows: Windows::new(rate.window()),
            mono: Vec::new(),
            resampled: Vec::new(),
        };
        Ok((rate, input))
    }

    fn process<'a>(&'a mut self, mut samples: &'a [i16], window: impl FnMut(&[i16], bool)) {
        if let Some(mapper) = &mut self.mapper {
            self.mono.clear();
            mapper.process(samples, &mut self.mono);
            samples = &self.mono;
        }
        if let Some(resampler) = &mut self.resampler {
            self.resampled.clear();
            resampler.process(samples, &mut self.resampled);
            samples = &self.resampled;
        }
        self.windows.process(samples, window);
    }
}
