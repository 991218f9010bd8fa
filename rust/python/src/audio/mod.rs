//! The stages of `pipecat_rs_audio` as Python classes.
//!
//! Each is three moves: take the audio out of its buffer, run the stage (without the interpreter
//! lock, where that takes longer than giving it up), wrap what came out. A stage stands behind a
//! lock of its own, for which nothing is waited while it is held, so any thread may use any object.

mod background;
mod buffer;
mod chunk;
mod cleaning;
mod dtmf;
mod g711;
mod measure;
mod mix;
mod record;
mod resample;
mod stages;

use pyo3::prelude::*;

pub(crate) use background::BackgroundSound;

/// Adds the classes and functions of audio to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<background::BackgroundSound>()?;
    module.add_class::<background::Sound>()?;
    module.add_class::<chunk::Chunker>()?;
    module.add_class::<cleaning::Denoiser>()?;
    module.add_class::<cleaning::EchoCanceller>()?;
    module.add_class::<dtmf::DtmfDetector>()?;
    module.add_class::<dtmf::DtmfEvent>()?;
    module.add_class::<measure::LevelMeter>()?;
    module.add_class::<measure::LoudnessMeter>()?;
    module.add_class::<measure::SilenceDetector>()?;
    module.add_class::<measure::VolumeTracker>()?;
    module.add_class::<mix::Mixer>()?;
    module.add_class::<record::WavRecorder>()?;
    #[cfg(feature = "opus")]
    module.add_class::<record::OggOpusRecorder>()?;
    module.add_class::<resample::Resampler>()?;
    module.add_class::<stages::ChannelMapper>()?;
    module.add_class::<stages::Fade>()?;
    module.add_class::<stages::Gain>()?;
    module.add_class::<stages::SoftLimiter>()?;
    module.add_function(wrap_pyfunction!(dtmf::dtmf_tone, module)?)?;
    module.add_function(wrap_pyfunction!(g711::alaw_to_linear, module)?)?;
    module.add_function(wrap_pyfunction!(g711::linear_to_alaw, module)?)?;
    module.add_function(wrap_pyfunction!(g711::linear_to_ulaw, module)?)?;
    module.add_function(wrap_pyfunction!(g711::ulaw_to_linear, module)?)?;
    module.add_function(wrap_pyfunction!(measure::find_onset, module)?)?;
    module.add_function(wrap_pyfunction!(measure::is_silence, module)?)?;
    module.add_function(wrap_pyfunction!(mix::deinterleave, module)?)?;
    module.add_function(wrap_pyfunction!(mix::interleave, module)?)?;
    module.add_function(wrap_pyfunction!(mix::mix, module)?)?;
    module.add_function(wrap_pyfunction!(stages::scale, module)?)?;
    Ok(())
}
