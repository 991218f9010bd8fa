//! Voice activity of many streams by one network.
//!
//! A [`VadEngine`] is a thread with a network. Each [`VoiceDetector`] hands it the windows of one stream,
//! from any thread and without waiting, and is told when speech starts, goes on and stops. Windows that
//! are due together run in one batch, which costs about half as much as one by one.

mod detector;
mod earshot;
mod engine;
mod gathering;
mod line;
mod network;
mod reset;
mod seat;
mod silero;
mod silero_memory;
mod silero_native;

pub use detector::VoiceDetector;
pub use earshot::{Earshot, EarshotMemory};
pub use engine::VadEngine;
pub use network::{VadNetwork, VadRate, VadWindow};
pub use reset::ResetRule;
pub use seat::{DetectorParams, VoiceReport};
pub use silero::Silero;
pub use silero_memory::SileroMemory;
pub use silero_native::NativeSilero;
