//! The microphone and the loudspeaker of this machine.
//!
//! Between a device's callback and the media threads there is a ring of samples that neither side
//! locks: [`SpeakerFeed`] and [`MicrophoneFeed`] are the callback's ends, which allocate nothing
//! and wait for nobody; [`Loudspeaker`] and [`Microphone`] are the others, where rates and channels
//! are converted. Devices themselves need the feature `local-audio` ([`BUILT`]); all else is here
//! without it.

mod converter;
#[cfg_attr(not(feature = "local-audio"), path = "no_device.rs")]
mod device;
mod device_error;
mod loudspeaker;
mod microphone;
mod troubles;

pub use converter::Format;
pub use device::devices;
pub use device_error::DeviceError;
pub use loudspeaker::{Loudspeaker, SpeakerFeed};
pub use microphone::{Microphone, MicrophoneFeed, MicrophoneReader};

/// Whether devices are there: the crate was built with `local-audio`.
pub const BUILT: bool = cfg!(feature = "local-audio");

/// One of the machine's audio devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its place in the list, by which it is chosen.
    pub index: usize,
    /// The system's name for it.
    pub name: String,
    /// Whether it records.
    pub input: bool,
    /// Whether it plays.
    pub output: bool,
}
