//! Devices where the crate was built without them.

use super::DeviceInfo;
use super::converter::Format;
use super::device_error::DeviceError;
use super::loudspeaker::SpeakerFeed;
use super::microphone::MicrophoneFeed;

/// A stream that nobody has.
pub(super) enum Stream {}

/// A device that nobody finds.
pub(super) enum Found {}

impl Found {
    pub(super) fn format(&self) -> Format {
        match *self {}
    }

    pub(super) fn play(
        self,
        _feed: SpeakerFeed,
        _on_trouble: impl FnMut(Option<String>) + Send + 'static,
    ) -> Result<Stream, DeviceError> {
        match self {}
    }

    pub(super) fn record(
        self,
        _feed: MicrophoneFeed,
        _on_trouble: impl FnMut(Option<String>) + Send + 'static,
    ) -> Result<Stream, DeviceError> {
        match self {}
    }
}

/// The machine's audio devices.
///
/// # Errors
/// Always: this build has none.
pub fn devices() -> Result<Vec<DeviceInfo>, DeviceError> {
    Err(DeviceError::NotBuilt)
}

pub(super) fn find_output(_index: Option<usize>, _wanted: Format) -> Result<Found, DeviceError> {
    Err(DeviceError::NotBuilt)
}

pub(super) fn find_input(_index: Option<usize>, _wanted: Format) -> Result<Found, DeviceError> {
    Err(DeviceError::NotBuilt)
}
