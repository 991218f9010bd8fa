//! Audio that is at hand already, pushed into a pipeline at the pace at which it would be spoken.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pipecat_engine as engine;
use pipecat_engine::{Direction, Pusher};
use pipecat_rs_transport::playout::{
    self as native, AudioKind, Outlet, PlayedAudio, PlayoutSettings, QueuedAudio, Speech,
};
use pipecat_rs_transport::{Refusal, Sink, runtime};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::lateness::Lateness;
use crate::host::frame::{self, NativeBody, class_named};
use crate::host::{Asyncio, Frame};
use crate::processor::ProcessorBase;

/// A player whose loudspeaker is the pipeline.
struct IntoPipeline {
    pusher: Pusher<Asyncio>,
    class: engine::Class,
    sample_rate: u32,
    channels: u32,
    muted: Arc<AtomicBool>,
}

impl Sink for IntoPipeline {
    fn try_write(&self, samples: Bytes) -> Result<(), Refusal> {
        if self.muted.load(Ordering::Relaxed) {
            return Ok(());
        }
        let body = NativeBody::InputAudio { samples, sample_rate: self.sample_rate, channels: self.channels };
        match self.pusher.push_patiently(frame::native(self.class, Direction::Downstream, body)) {
            true => Ok(()),
            false => Err(Refusal::Closed),
        }
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn interrupt(&self) {}
}

/// Nobody hears of a caller's own voice.
struct Nobody;

impl Outlet<Asyncio> for Nobody {
    fn push(&self, _frame: Frame) {}
    fn played(&self, _audio: PlayedAudio) {}
    fn speech(&self, _speech: Speech) {}
    fn epoch(&self) -> engine::Epoch {
        engine::Epoch::default()
    }
    fn failed(&self, _what: String, _fatal: bool) {}
}

/// Pushes audio as an input transport, at its own pace, from a media thread.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct AudioFeed {
    playout: Mutex<Option<native::Playout<Asyncio>>>,
    lateness: Arc<pipecat_rs_transport::Lateness>,
    muted: Arc<AtomicBool>,
    sample_rate: u32,
    channels: u32,
}

impl AudioFeed {
    fn playing<R>(&self, work: impl FnOnce(&native::Playout<Asyncio>) -> R) -> Option<R> {
        self.playout.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(work)
    }
}

#[pymethods]
impl AudioFeed {
    #[new]
    fn new(
        owner: &Bound<'_, ProcessorBase>,
        sample_rate: u32,
        channels: u32,
        chunk_secs: f64,
    ) -> PyResult<Self> {
        let wrong = |error: &dyn std::fmt::Display| PyValueError::new_err(format!("chunk_secs: {error}"));
        let chunk = Duration::try_from_secs_f64(chunk_secs).map_err(|error| wrong(&error))?;
        let muted = Arc::new(AtomicBool::new(false));
        let sink = IntoPipeline {
            pusher: ProcessorBase::pusher(owner)?,
            class: class_named(owner.py(), "InputAudioRawFrame")?,
            sample_rate,
            channels,
            muted: Arc::clone(&muted),
        };
        let settings = PlayoutSettings { chunk, ..PlayoutSettings::new(sample_rate, channels) };
        let handle = runtime().handle().clone();
        let playout = native::Playout::start(handle, settings, Arc::new(sink), Arc::new(Nobody), None);
        let lateness = playout.lateness();
        Ok(Self { playout: Mutex::new(Some(playout)), lateness, muted, sample_rate, channels })
    }

    /// Queue whole samples behind those that wait.
    fn feed(&self, audio: &[u8]) -> PyResult<()> {
        let audio = QueuedAudio {
            samples: Bytes::copy_from_slice(audio),
            sample_rate: self.sample_rate,
            channels: self.channels,
            kind: AudioKind::Plain,
            interruptible: false,
            context: None,
            epoch: engine::Epoch::default(),
        };
        let fed = self.playing(|playout| playout.play_audio(audio));
        fed.unwrap_or(Ok(())).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Seconds of audio that wait.
    #[getter]
    fn queued_secs(&self) -> f64 {
        self.playing(native::Playout::queued).unwrap_or_default().as_secs_f64()
    }

    /// How late chunks set out.
    #[getter]
    fn lateness(&self) -> Lateness {
        Lateness::new(Arc::clone(&self.lateness))
    }

    /// Whether time goes by without anything being heard.
    #[getter]
    fn muted(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    #[setter]
    fn set_muted(&self, muted: bool) {
        self.muted.store(muted, Ordering::Relaxed);
    }

    /// Push nothing more.
    fn close(&self) {
        let playout = self.playout.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(playout);
    }
}
