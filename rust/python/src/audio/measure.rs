//! Levels, loudness, silence, and where sound begins.

use pipecat_rs_audio::{self as audio, OnsetFinder};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::buffer::{Audio, Held, raised, run};

/// Measures peak and root mean square of a stream.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct LevelMeter(Held<audio::LevelMeter>);

#[pymethods]
impl LevelMeter {
    #[new]
    fn new() -> Self {
        Self(Held::new(audio::LevelMeter::default()))
    }

    fn process(&self, py: Python<'_>, audio: Audio) {
        let Audio { samples, .. } = audio;
        self.0.with(py, samples.len(), |meter| meter.process(&samples));
    }

    #[getter]
    fn peak_dbfs(&self) -> f64 {
        self.0.lock().level().peak_dbfs()
    }

    #[getter]
    fn rms_dbfs(&self) -> f64 {
        self.0.lock().level().rms_dbfs()
    }

    fn reset(&self) {
        self.0.lock().reset();
    }
}

/// Measures the loudness of mono audio after ITU-R BS.1770.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct LoudnessMeter(Held<audio::LoudnessMeter>);

#[pymethods]
impl LoudnessMeter {
    #[new]
    fn new(sample_rate: u32) -> PyResult<Self> {
        Ok(Self(Held::new(audio::LoudnessMeter::new(sample_rate).map_err(raised)?)))
    }

    #[getter]
    fn block(&self) -> usize {
        self.0.lock().block()
    }

    fn momentary(&self, py: Python<'_>, audio: Audio) -> PyResult<f64> {
        let Audio { samples, .. } = audio;
        self.0.with(py, samples.len(), |meter| meter.momentary(&samples)).map_err(raised)
    }

    fn integrated(&self, py: Python<'_>, audio: Audio) -> PyResult<f64> {
        let Audio { samples, .. } = audio;
        self.0.with(py, samples.len(), |meter| meter.integrated(&samples)).map_err(raised)
    }

    fn volume(&self, py: Python<'_>, audio: Audio) -> PyResult<f64> {
        let Audio { samples, .. } = audio;
        self.0.with(py, samples.len(), |meter| meter.volume(&samples)).map_err(raised)
    }
}

/// Measures the volume of the latest 400 ms of a mono stream.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct VolumeTracker(Held<audio::VolumeTracker>);

#[pymethods]
impl VolumeTracker {
    #[new]
    fn new(sample_rate: u32) -> PyResult<Self> {
        Ok(Self(Held::new(audio::VolumeTracker::new(sample_rate).map_err(raised)?)))
    }

    fn process(&self, audio: Audio) {
        self.0.lock().process(&audio.samples);
    }

    fn volume(&self, py: Python<'_>) -> f64 {
        py.detach(|| self.0.lock().volume())
    }

    fn reset(&self) {
        self.0.lock().reset();
    }
}

/// Measures how long a stream has been silent.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct SilenceDetector(Held<audio::SilenceDetector>);

#[pymethods]
impl SilenceDetector {
    #[new]
    #[pyo3(signature = (threshold = 20))]
    fn new(threshold: u16) -> Self {
        Self(Held::new(audio::SilenceDetector::new(threshold)))
    }

    fn process(&self, py: Python<'_>, audio: Audio) {
        let Audio { samples, .. } = audio;
        self.0.with(py, samples.len(), |detector| detector.process(&samples));
    }

    #[getter]
    fn silent_samples(&self) -> u64 {
        self.0.lock().silent_samples()
    }

    #[getter]
    fn has_heard(&self) -> bool {
        self.0.lock().has_heard()
    }

    fn reset(&self) {
        self.0.lock().reset();
    }
}

/// Whether no sample is louder than the threshold of speech.
#[pyfunction]
pub(super) fn is_silence(audio: Audio) -> bool {
    audio::is_silence(&audio.samples)
}

/// Where audio becomes audible and stays so, in frames.
#[pyfunction]
#[pyo3(
    signature = (
        audio, sample_rate, channels = 1, *, frame_ms = 10.0, hop_ms = 1.0, threshold_db = -40.0,
        min_voiced_ms = 50.0
    ),
    // The generated one leaves out what is negative.
    text_signature = "(audio, sample_rate, channels=1, *, frame_ms=10.0, hop_ms=1.0, threshold_db=-40.0, min_voiced_ms=50.0)"
)]
#[expect(clippy::too_many_arguments, reason = "keyword arguments, each with a default")]
pub(super) fn find_onset(
    py: Python<'_>,
    audio: Audio,
    sample_rate: u32,
    channels: usize,
    frame_ms: f64,
    hop_ms: f64,
    threshold_db: f64,
    min_voiced_ms: f64,
) -> PyResult<Option<usize>> {
    if channels == 0 {
        return Err(PyValueError::new_err("channels must be positive"));
    }
    let Audio { samples, .. } = audio;
    let finder = OnsetFinder::new(sample_rate, frame_ms, hop_ms, threshold_db, min_voiced_ms);
    Ok(run(py, samples.len(), || finder.find(&samples, channels)))
}
