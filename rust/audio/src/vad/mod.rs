//! Voice activity: from windows of audio, and how sure a detector is of each, to whether somebody speaks.
//!
//! A window *speaks* if its confidence and its volume reach their thresholds. Speech begins and ends
//! once windows have spoken, or not spoken, for long enough without a break. What computes the
//! confidence is elsewhere; the rules here are those of `pipecat_rs.audio.vad.vad_analyzer`.

mod events;
mod params;
mod state;
mod voice;
mod volume;
mod windows;

pub use events::{SpeechEvent, SpeechEvents};
pub use params::VadParams;
pub use state::{VadState, VadStateMachine};
pub use voice::VoiceFollower;
pub use volume::WindowVolume;
pub use windows::Windows;
