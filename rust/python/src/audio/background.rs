use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipecat_rs_audio as audio;
use pyo3::prelude::*;

use super::buffer::{Audio, give_samples, run};

/// Samples that any number of backgrounds play.
#[pyclass(frozen, weakref, module = "pipecat_rs._core")]
pub(super) struct Sound(Arc<[i16]>);

#[pymethods]
impl Sound {
    #[new]
    fn new(audio: Audio) -> Self {
        Self(audio.samples.into())
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// Plays one of several sounds behind a voice, over and over.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct BackgroundSound(Arc<Mutex<audio::BackgroundSound>>);

impl BackgroundSound {
    /// What native playout mixes with, while Python turns its knobs. Nothing is waited for while
    /// it is locked.
    pub(crate) fn shared(&self) -> Arc<Mutex<audio::BackgroundSound>> {
        Arc::clone(&self.0)
    }

    fn lock(&self) -> MutexGuard<'_, audio::BackgroundSound> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl BackgroundSound {
    #[new]
    #[pyo3(signature = (volume = 1.0, *, fade = 0))]
    fn new(volume: f32, fade: usize) -> Self {
        Self(Arc::new(Mutex::new(audio::BackgroundSound::new(volume, fade))))
    }

    fn add(&self, name: String, sound: &Sound) {
        self.lock().add(name, Arc::clone(&sound.0));
    }

    fn play(&self, name: &str) -> bool {
        self.lock().play(name)
    }

    #[getter]
    fn sound(&self) -> Option<String> {
        self.lock().sound().map(str::to_owned)
    }

    #[getter]
    fn get_volume(&self) -> f32 {
        self.lock().volume()
    }

    #[setter]
    fn set_volume(&self, volume: f32) {
        self.lock().set_volume(volume);
    }

    #[getter]
    fn get_enabled(&self) -> bool {
        self.lock().is_enabled()
    }

    #[setter]
    fn set_enabled(&self, enabled: bool) {
        self.lock().set_enabled(enabled);
    }

    fn set_repeats(&self, repeats: bool) {
        self.lock().set_repeats(repeats);
    }

    fn mix(&self, py: Python<'_>, audio: Audio) -> PyResult<Py<PyAny>> {
        let Audio { mut samples, kind } = audio;
        let background = self.shared();
        let mixed = run(py, samples.len(), move || {
            background.lock().unwrap_or_else(PoisonError::into_inner).mix(&mut samples);
            samples
        });
        give_samples(py, mixed, kind)
    }
}
