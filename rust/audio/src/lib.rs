//! The audio of pipecat_rs, stage by stage.
//!
//! Everything here is a plain struct over 16-bit samples: audio goes in as a slice, what is ready
//! is appended to a `Vec`, and nothing knows of files, clocks, threads or Python. So a stage runs
//! alike in a pipeline, in a benchmark and in a test.
//!
//! The one rule: **how a stream is cut into pieces makes no difference to what comes out.** Stages
//! that turn samples into samples are [`Stage`]s; detectors, meters and recorders have a `process`
//! of their own, to which the rule applies as well.
//!
//! Stereo is interleaved. Rates are in Hz, lengths in samples or, where all channels of an instant
//! count as one, in frames.
//!
//! Features: `denoise`, `echo` and `opus` add what needs larger crates.

mod background;
pub mod channels;
mod chunk;
#[cfg(feature = "denoise")]
mod denoise;
pub mod dtmf;
#[cfg(feature = "echo")]
mod echo;
mod error;
mod fade;
pub mod g711;
mod gain;
mod level;
mod loudness;
mod mix;
#[cfg(feature = "opus")]
mod ogg_opus;
mod onset;
mod record;
mod resample;
mod sample;
mod silence;
mod stage;
pub mod vad;

pub use background::BackgroundSound;
pub use channels::ChannelMapper;
pub use chunk::Chunker;
#[cfg(feature = "denoise")]
pub use denoise::Denoiser;
#[cfg(feature = "echo")]
pub use echo::EchoCanceller;
pub use error::AudioError;
pub use fade::{Curve, Direction, Fade};
pub use gain::{Gain, SoftLimiter};
pub use level::{Level, LevelMeter, dbfs};
pub use loudness::{LoudnessMeter, VolumeTracker};
pub use mix::{Mixer, mix_clamped};
#[cfg(feature = "opus")]
pub use ogg_opus::OggOpusRecorder;
pub use onset::OnsetFinder;
pub use record::WavRecorder;
pub use resample::Resampler;
pub use silence::{SPEAKING_THRESHOLD, SilenceDetector, append_silence, is_silence};
pub use stage::Stage;
