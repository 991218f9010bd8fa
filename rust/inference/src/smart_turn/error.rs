//! Why there is no judgement.

use pipecat_rs_audio::AudioError;

use crate::InferenceError;

/// Why a turn was not judged.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The stream has asked anew, or has lost interest.
    #[error("the stream has asked anew, or wants no answer any more")]
    Superseded,
    /// More streams wait for an answer than is allowed.
    #[error("{waiting} streams wait for smart-turn already: this machine is too slow for so many")]
    Busy {
        /// Streams that wait.
        waiting: usize,
    },
    /// The audio's rate is not one to work with.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// The network cannot be used, or has failed.
    #[error(transparent)]
    Inference(#[from] InferenceError),
}
