//! The smart-turn network itself: from audio to a probability, on the thread that asks.

use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;

use super::error::TurnError;
use super::features::{FRAMES, LogMel, MELS, SAMPLE_RATE};
use super::resample::SegmentResampler;
use crate::{InferenceError, Runtime};

const PURPOSE: &str = "end of turn";
const INPUT: &str = "input_features";
/// Seconds that the network hears.
const HEARD_SECS: usize = 8;

/// Says how likely it is that the audio is a whole turn, from 0 to 1.
pub(super) trait Judge: Send {
    fn judge(&mut self, audio: &[i16], sample_rate: u32) -> Result<f32, TurnError>;
}

/// The network in the ONNX runtime, and the buffers on the way to it.
pub struct Network {
    session: Session,
    mel: LogMel,
    features: Vec<f32>,
    /// For the rate that was given last, if it is another one than the network's.
    resampler: Option<SegmentResampler>,
}

impl Network {
    /// Loads the network, and lets it judge silence: a file that holds another one is found out
    /// here, and the first judgement takes no longer than the next.
    ///
    /// # Errors
    ///
    /// If the file is not there, or holds no smart-turn network of version 3.
    pub fn open(runtime: &Runtime, path: &Path, threads: usize) -> Result<Self, TurnError> {
        let session = runtime.session_with_threads(path, PURPOSE, threads)?;
        let refused =
            |cause: String| InferenceError::Network { path: path.to_owned(), purpose: PURPOSE, cause };
        let inputs: Vec<&str> = session.inputs().iter().map(ort::value::Outlet::name).collect();
        if inputs != [INPUT] {
            let cause = format!("smart-turn version 3 takes {INPUT:?}, and this one {inputs:?}");
            return Err(refused(cause).into());
        }
        let mut network = Self {
            session,
            mel: LogMel::new(),
            features: Vec::with_capacity(MELS * FRAMES),
            resampler: None,
        };
        let silence = network.judge(&[], SAMPLE_RATE).map_err(|error| refused(error.to_string()))?;
        if !(0.0..=1.0).contains(&silence) {
            return Err(refused(format!("its answer {silence} is no probability")).into());
        }
        Ok(network)
    }

    /// Says how likely it is that mono audio is a whole turn, from 0 to 1. It hears the last 8 s.
    ///
    /// # Errors
    ///
    /// If the sample rate is outside of 4 to 384 kHz, or the runtime fails.
    pub fn probability(&mut self, audio: &[i16], sample_rate: u32) -> Result<f32, TurnError> {
        self.judge(audio, sample_rate)
    }

    /// Fills `features`.
    fn hear(&mut self, audio: &[i16], sample_rate: u32) -> Result<(), TurnError> {
        let longest = HEARD_SECS * sample_rate as usize;
        let audio = &audio[audio.len().saturating_sub(longest)..];
        let samples = audio.iter().map(|&sample| f32::from(sample) / 32_768.0);
        if sample_rate == SAMPLE_RATE {
            self.mel.compute(&samples.collect::<Vec<f32>>(), &mut self.features);
            return Ok(());
        }
        let resampler = match &mut self.resampler {
            Some(resampler) if resampler.input_rate() == sample_rate => resampler,
            other => other.insert(SegmentResampler::new(sample_rate, SAMPLE_RATE, longest)?),
        };
        self.mel.compute(resampler.convert(samples), &mut self.features);
        Ok(())
    }
}

impl Judge for Network {
    fn judge(&mut self, audio: &[i16], sample_rate: u32) -> Result<f32, TurnError> {
        self.hear(audio, sample_rate)?;
        let failed = |cause: String| InferenceError::Run { network: "smart-turn", cause };
        let input = TensorRef::from_array_view(([1, MELS, FRAMES], self.features.as_slice()))
            .map_err(|error| failed(error.to_string()))?;
        let outputs = self.session.run(ort::inputs![input]).map_err(|error| failed(error.to_string()))?;
        let (_, values) =
            outputs[0].try_extract_tensor::<f32>().map_err(|error| failed(error.to_string()))?;
        Ok(values.first().copied().ok_or_else(|| failed("its output is empty".to_owned()))?)
    }
}
