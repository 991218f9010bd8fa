//! Why a device cannot be used.

use thiserror::Error;

/// Why a device cannot be used.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The crate has no devices.
    #[error("this build has no audio devices: build it with the feature local-audio")]
    NotBuilt,
    /// There is none of that index.
    #[error("there is no audio device {index}: {}", known(*.count))]
    NoSuchDevice {
        /// What was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// It has no 16-bit, 32-bit or floating-point samples in mono or stereo.
    #[error("the audio device {device} has neither mono nor stereo for this direction")]
    Unsupported {
        /// Its name.
        device: String,
    },
    /// The system refuses.
    #[error("the audio device {device} cannot be opened: {why}")]
    Refused {
        /// Its name.
        device: String,
        /// What the system says.
        why: String,
    },
    /// A rate or a number of channels that cannot be converted.
    #[error(transparent)]
    Audio(#[from] pipecat_rs_audio::AudioError),
}

fn known(count: usize) -> String {
    match count {
        0 => "the system has none".into(),
        1 => "0 is the only one".into(),
        _ => format!("0 to {} are there", count - 1),
    }
}
