//! Silero's network without a runtime: six times as fast as in the ONNX runtime, which spends its time on
//! the small convolutions that the network consists of. A window takes 15 µs alone and 9 µs in a batch of
//! eight, on a core with AVX2 (`benches/audio/vad.rs`).
//!
//! The weights come from the ONNX file that Silero is published as, version 5 and 6, for both rates or for
//! 16 kHz alone. The file is not run but recognised:
//!
//! - its operations that compute must be those of Silero, each with what the one before it came to;
//! - each convolution must have Silero's kernel, stride and padding, and each matrix its shape;
//! - the padding must mirror the end of the input;
//! - the order of the LSTM's gates is followed from the weights to the operation, for exports differ;
//! - the first convolution must be a windowed Fourier transform, which is computed as such.
//!
//! Any other file is an error, and one for the ONNX runtime.
//!
//! A layer of the network is one product of matrices for the whole batch (`layer`). Confidences are
//! those of the ONNX runtime within 1e-4.

mod activation;
mod architecture;
mod graph;
mod layer;
mod network;
mod onnx;
mod spectrum;
mod weights;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use self::network::{Buffers, Network};
use super::network::check_length;
use super::silero_memory::SileroMemory;
use super::{VadNetwork, VadRate, VadWindow};
use crate::InferenceError;

/// The network's weights, for any number of streams. Answers one batch of a rate at a time.
pub struct NativeSilero {
    /// Narrow, wide.
    rates: [Option<Rate>; 2],
}

struct Rate {
    network: Network,
    buffers: Mutex<Buffers>,
}

impl NativeSilero {
    /// Reads the network's weights from the ONNX file that it is published as.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or holds another network.
    pub fn load(network: &Path) -> Result<Self, InferenceError> {
        let loaded = std::fs::read(network).map_err(|error| error.to_string());
        loaded.and_then(|file| Self::of(&file)).map_err(|cause| InferenceError::Network {
            path: network.to_owned(),
            purpose: "voice activity that runs without the ONNX runtime",
            cause,
        })
    }

    /// Reads them from what is in the file.
    ///
    /// # Errors
    ///
    /// What is wrong, if it holds another network.
    pub fn of(file: &[u8]) -> Result<Self, String> {
        let [narrow, wide] = weights::read(file)?;
        let rate = |rate, weights: Option<weights::Weights>| {
            let Some(weights) = weights else { return Ok::<_, String>(None) };
            let network = Network::new(rate, weights)?;
            let buffers = Mutex::new(network.buffers());
            Ok(Some(Rate { network, buffers }))
        };
        Ok(Self { rates: [rate(VadRate::Narrow, narrow)?, rate(VadRate::Wide, wide)?] })
    }

    fn rate(&self, rate: VadRate) -> Option<&Rate> {
        match rate {
            VadRate::Narrow => self.rates[0].as_ref(),
            VadRate::Wide => self.rates[1].as_ref(),
        }
    }
}

impl VadNetwork for NativeSilero {
    type Memory = SileroMemory;

    fn hears(&self, rate: VadRate) -> bool {
        self.rate(rate).is_some()
    }

    fn memory(&self) -> SileroMemory {
        SileroMemory::default()
    }

    fn run(&self, rate: VadRate, windows: &mut [VadWindow<'_, SileroMemory>]) -> Result<(), InferenceError> {
        check_length(rate, windows)?;
        let Some(at) = self.rate(rate) else {
            let cause = format!("the file has no weights for {} Hz", rate.hz());
            return Err(InferenceError::Run { network: "Silero VAD", cause });
        };
        let mut buffers = at.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        at.network.run(&mut buffers, windows);
        Ok(())
    }
}
