//! Silero's network in the ONNX runtime, for files that [`NativeSilero`](super::NativeSilero) does not know.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::session::Session;
use ort::value::TensorRef;

use super::network::check_length;
use super::silero_memory::{STATE, SileroMemory, context};
use super::{VadNetwork, VadRate, VadWindow};
use crate::{InferenceError, Runtime};

const PURPOSE: &str = "voice activity";
const NAME: &str = "Silero VAD";
const FULL_SCALE: f32 = 32_768.0;

/// The network's weights, for any number of streams. Answers one batch at a time.
pub struct Silero {
    running: Mutex<Running>,
}

struct Running {
    session: Session,
    input: Vec<f32>,
    state: Vec<f32>,
}

impl Silero {
    /// Loads the network.
    ///
    /// # Errors
    ///
    /// If the file is not there, or does not hold this network.
    pub fn load(runtime: &Runtime, network: &Path) -> Result<Self, InferenceError> {
        let session = runtime.session(network, PURPOSE)?;
        let silero = Self { running: Mutex::new(Running { session, input: Vec::new(), state: Vec::new() }) };
        // Another network shows here, and not in a conversation.
        let mut memory = SileroMemory::default();
        let samples = vec![0; VadRate::Wide.window()];
        let mut window = [VadWindow { samples: &samples, memory: &mut memory, confidence: 0.0 }];
        silero.run(VadRate::Wide, &mut window).map_err(|error| InferenceError::Network {
            path: network.to_owned(),
            purpose: PURPOSE,
            cause: error.to_string(),
        })?;
        Ok(silero)
    }
}

impl VadNetwork for Silero {
    type Memory = SileroMemory;

    fn hears(&self, _rate: VadRate) -> bool {
        true
    }

    fn memory(&self) -> SileroMemory {
        SileroMemory::default()
    }

    fn run(&self, rate: VadRate, windows: &mut [VadWindow<'_, SileroMemory>]) -> Result<(), InferenceError> {
        check_length(rate, windows)?;
        if windows.is_empty() {
            return Ok(());
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.run(rate, windows).map_err(|cause| InferenceError::Run { network: NAME, cause })
    }
}

impl Running {
    fn run(&mut self, rate: VadRate, windows: &mut [VadWindow<'_, SileroMemory>]) -> Result<(), String> {
        let (count, context) = (windows.len(), context(rate));
        let heard = context + rate.window();
        self.input.clear();
        self.state.clear();
        for window in windows.iter_mut() {
            window.memory.begin(rate);
            self.input.extend_from_slice(&window.memory.context[..context]);
            self.input.extend(window.samples.iter().map(|&sample| f32::from(sample) / FULL_SCALE));
        }
        for half in 0..2 {
            windows.iter().for_each(|window| self.state.extend_from_slice(&window.memory.state[half]));
        }
        let hz = [i64::from(rate.hz())];
        let text = |error: ort::Error| error.to_string();
        let no_shape: [usize; 0] = [];
        let outputs = self
            .session
            .run(ort::inputs![
                "input" => TensorRef::from_array_view(([count, heard], &*self.input)).map_err(text)?,
                "state" => TensorRef::from_array_view(([2, count, STATE], &*self.state)).map_err(text)?,
                "sr" => TensorRef::from_array_view((no_shape, &hz[..])).map_err(text)?,
            ])
            .map_err(text)?;
        if outputs.len() != 2 {
            return Err(format!("it has {} outputs, not a confidence and a state", outputs.len()));
        }
        let (_, confidences) = outputs[0].try_extract_tensor::<f32>().map_err(text)?;
        let (_, states) = outputs[1].try_extract_tensor::<f32>().map_err(text)?;
        if confidences.len() != count || states.len() != 2 * count * STATE {
            return Err("its outputs are not a confidence and a state for each window".to_owned());
        }
        for (index, window) in windows.iter_mut().enumerate() {
            window.confidence = confidences[index];
            let end = (index + 1) * heard;
            window.memory.context[..context].copy_from_slice(&self.input[end - context..end]);
            for (half, state) in window.memory.state.iter_mut().enumerate() {
                let from = (half * count + index) * STATE;
                state.copy_from_slice(&states[from..from + STATE]);
            }
        }
        Ok(())
    }
}
