//! The network of the crate `earshot`: Rust alone, for where there is no ONNX runtime.

use earshot::Detector;

use super::network::check_length;
use super::{VadNetwork, VadRate, VadWindow};
use crate::InferenceError;

/// Samples that it hears at a time: 16 ms.
const PIECE: usize = 256;

/// A network that needs no runtime and no file. Hears at 16 kHz.
#[derive(Debug, Clone, Copy, Default)]
pub struct Earshot;

/// What it keeps of a stream: 8 KiB.
pub struct EarshotMemory(Box<Detector>);

impl VadNetwork for Earshot {
    type Memory = EarshotMemory;

    fn hears(&self, rate: VadRate) -> bool {
        rate == VadRate::Wide
    }

    fn memory(&self) -> EarshotMemory {
        EarshotMemory(Detector::default_boxed())
    }

    fn run(&self, rate: VadRate, windows: &mut [VadWindow<'_, EarshotMemory>]) -> Result<(), InferenceError> {
        if rate != VadRate::Wide {
            let cause = format!("it hears at 16000 Hz, not at {} Hz", rate.hz());
            return Err(InferenceError::Run { network: "earshot", cause });
        }
        check_length(rate, windows)?;
        for window in windows {
            let pieces = window.samples.chunks_exact(PIECE);
            let confidences = pieces.map(|piece| window.memory.0.predict_i16(piece));
            window.confidence = confidences.fold(0.0, f32::max).clamp(0.0, 1.0);
        }
        Ok(())
    }
}
