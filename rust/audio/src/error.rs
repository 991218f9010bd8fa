use thiserror::Error;

/// Why a stage could not be made, or a recording not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The rate is outside of what the stage handles.
    #[error("a sample rate of {rate} Hz is not supported: {allowed}")]
    SampleRate {
        /// What was given, in Hz.
        rate: u32,
        /// What would do.
        allowed: &'static str,
    },
    /// Only mono and stereo are handled.
    #[error("{channels} channels are not supported: 1 or 2 are")]
    Channels {
        /// What was given.
        channels: usize,
    },
    /// A stage was given a size of nothing.
    #[error("a {what} must hold at least one sample")]
    Empty {
        /// What has no size.
        what: &'static str,
    },
    /// There is less audio than the shortest that can be measured.
    #[error("loudness needs {needed} samples of audio, got {given}")]
    TooShort {
        /// Samples given.
        given: usize,
        /// Samples needed.
        needed: usize,
    },
    /// The recording's writer failed, or the file would be too long for its format.
    #[error("the WAV file was not written: {0}")]
    Wav(#[from] hound::Error),
    /// The recording's writer failed.
    #[cfg(feature = "opus")]
    #[error("the Ogg file was not written: {0}")]
    Ogg(#[from] std::io::Error),
    /// libopus refused what it was given.
    #[cfg(feature = "opus")]
    #[error("Opus: {0}")]
    Opus(#[from] opus::Error),
}

/// Refuses what is neither mono nor stereo.
pub(crate) fn check_channels(channels: usize) -> Result<usize, AudioError> {
    match channels {
        1 | 2 => Ok(channels),
        _ => Err(AudioError::Channels { channels }),
    }
}
