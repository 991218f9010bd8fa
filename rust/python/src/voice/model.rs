//! A network that tells how sure it is of speech, its engine, and one stream of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use pipecat_rs_inference::vad::{
    DetectorParams, Earshot, EarshotMemory, NativeSilero, Silero, SileroMemory, VadEngine, VadNetwork,
    VadRate, VadWindow, VoiceDetector, VoiceReport,
};
use pipecat_rs_inference::{InferenceError, Runtime};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::samples;

#[derive(Clone)]
enum Network {
    NativeSilero(Arc<NativeSilero>),
    Silero(Arc<Silero>),
    Earshot(Arc<Earshot>),
}

/// The engines that have a thread.
static ENGINES: Mutex<Vec<Weak<VadEngine>>> = Mutex::new(Vec::new());

/// The weights of a network, which all streams of the process share, and the thread that runs it for those
/// that hear audio natively.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct VoiceModel {
    network: Network,
    engine: Mutex<Option<Arc<VadEngine>>>,
}

impl VoiceModel {
    fn of(network: Network) -> Self {
        Self { network, engine: Mutex::new(None) }
    }

    fn engine(&self) -> PyResult<Arc<VadEngine>> {
        let mut engine = lock(&self.engine);
        if let Some(engine) = engine.as_ref().filter(|engine| engine.is_here()) {
            return Ok(Arc::clone(engine));
        }
        let started = match &self.network {
            Network::NativeSilero(silero) => VadEngine::start(Arc::clone(silero)),
            Network::Silero(silero) => VadEngine::start(Arc::clone(silero)),
            Network::Earshot(earshot) => VadEngine::start(Arc::clone(earshot)),
        };
        let started = Arc::new(started.map_err(|error| PyOSError::new_err(error.to_string()))?);
        let mut engines = lock(&ENGINES);
        engines.retain(|engine| engine.strong_count() > 0);
        engines.push(Arc::downgrade(&started));
        *engine = Some(Arc::clone(&started));
        Ok(started)
    }

    /// Follow the voice in a stream, on the network's thread.
    pub(super) fn detector(
        &self,
        params: DetectorParams,
        listener: impl FnMut(VoiceReport) + Send + 'static,
    ) -> PyResult<VoiceDetector> {
        Ok(VoiceDetector::new(&*self.engine()?, params, listener))
    }
}

#[pymethods]
impl VoiceModel {
    /// Load Silero's network: a known file to be run natively, or any in a runtime.
    #[staticmethod]
    #[pyo3(signature = (network, runtime=None))]
    fn silero(py: Python<'_>, network: PathBuf, runtime: Option<PathBuf>) -> PyResult<Self> {
        let loaded = py.detach(|| match runtime {
            None => NativeSilero::load(&network).map(|silero| Network::NativeSilero(Arc::new(silero))),
            Some(runtime) => {
                let silero = Silero::load(&Runtime::open(&runtime)?, &network)?;
                Ok(Network::Silero(Arc::new(silero)))
            }
        });
        Ok(Self::of(loaded.map_err(|error| to_python(&error))?))
    }

    /// The network that needs no runtime.
    #[staticmethod]
    fn earshot() -> Self {
        Self::of(Network::Earshot(Arc::new(Earshot)))
    }

    /// A stream whose windows are heard one by one, by whoever asks.
    fn stream(&self) -> VoiceStream {
        let memory = match &self.network {
            Network::NativeSilero(silero) => Memory::Silero(Box::new(silero.memory())),
            Network::Silero(silero) => Memory::Silero(Box::new(silero.memory())),
            Network::Earshot(earshot) => Memory::Earshot(earshot.memory()),
        };
        VoiceStream { network: self.network.clone(), memory: Mutex::new(memory) }
    }

    /// How many windows the network's thread has heard, and in how many batches.
    fn ran(&self) -> (u64, u64) {
        lock(&self.engine).as_ref().map_or((0, 0), |engine| engine.ran())
    }
}

enum Memory {
    Silero(Box<SileroMemory>),
    Earshot(EarshotMemory),
}

/// One stream of a network, without the rules of what is speech.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct VoiceStream {
    network: Network,
    memory: Mutex<Memory>,
}

#[pymethods]
impl VoiceStream {
    /// How sure the network is that a window holds speech, from 0 to 1.
    fn confidence(&self, py: Python<'_>, window: &[u8], sample_rate: u32) -> PyResult<f32> {
        let rate = VadRate::of(sample_rate).ok_or_else(|| {
            PyValueError::new_err(format!(
                "voice activity is heard at 8000 or 16000 Hz, not at {sample_rate} Hz"
            ))
        })?;
        let samples = samples(window);
        let heard = py.detach(|| match (&self.network, &mut *lock(&self.memory)) {
            (Network::NativeSilero(silero), Memory::Silero(memory)) => {
                hear(&**silero, rate, &samples, memory)
            }
            (Network::Silero(silero), Memory::Silero(memory)) => hear(&**silero, rate, &samples, memory),
            (Network::Earshot(earshot), Memory::Earshot(memory)) => hear(&**earshot, rate, &samples, memory),
            _ => unreachable!("the memory was made by the network"),
        });
        heard.map_err(|error| to_python(&error))
    }

    /// Forget what was heard.
    fn reset(&self) {
        let fresh = match &self.network {
            Network::NativeSilero(silero) => Memory::Silero(Box::new(silero.memory())),
            Network::Silero(silero) => Memory::Silero(Box::new(silero.memory())),
            Network::Earshot(earshot) => Memory::Earshot(earshot.memory()),
        };
        *lock(&self.memory) = fresh;
    }
}

fn hear<N: VadNetwork>(
    network: &N,
    rate: VadRate,
    samples: &[i16],
    memory: &mut N::Memory,
) -> Result<f32, InferenceError> {
    let mut window = [VadWindow { samples, memory, confidence: 0.0 }];
    network.run(rate, &mut window)?;
    Ok(window[0].confidence)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn to_python(error: &InferenceError) -> PyErr {
    match error {
        InferenceError::Window { .. } => PyValueError::new_err(error.to_string()),
        _ => PyRuntimeError::new_err(error.to_string()),
    }
}

/// Called at exit, with the GIL: the runtime's library is not to be taken down under a running batch.
#[pyfunction]
pub(crate) fn _close_voice_engines(py: Python<'_>) {
    let engines: Vec<Arc<VadEngine>> =
        lock(&ENGINES).drain(..).filter_map(|engine| engine.upgrade()).collect();
    py.detach(|| engines.iter().for_each(|engine| engine.close()));
    // The last reference must not make another thread wait for this one.
    drop(engines);
}
