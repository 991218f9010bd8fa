//! The machine's microphone and loudspeaker, as Python's local transport uses them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pipecat_engine::{Direction, Pusher};
use pipecat_rs_transport::local::{DeviceError, Format, Loudspeaker, Microphone, devices};
use pipecat_rs_transport::{Refusal, Sink, runtime};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::host::Asyncio;
use crate::host::frame::{self, NativeBody, class_named};
use crate::host::graveyard::FrameObject;
use crate::host::port::{LoopPort, Port};
use crate::processor::ProcessorBase;

fn raised(error: DeviceError) -> PyErr {
    match error {
        DeviceError::Audio(error) => PyValueError::new_err(error.to_string()),
        error => PyOSError::new_err(error.to_string()),
    }
}

fn length(secs: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(secs).map_err(|error| PyValueError::new_err(format!("chunk_secs: {error}")))
}

/// The machine's audio devices: index, name, whether it records, whether it plays.
#[pyfunction]
pub(crate) fn _local_audio_devices(py: Python<'_>) -> PyResult<Vec<(usize, String, bool, bool)>> {
    let found = py.detach(devices).map_err(raised)?;
    Ok(found.into_iter().map(|device| (device.index, device.name, device.input, device.output)).collect())
}

/// A device that plays: the sink of a playout.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct LocalSpeaker(Arc<Loudspeaker>);

impl LocalSpeaker {
    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.0) as Arc<dyn Sink>
    }
}

#[pymethods]
impl LocalSpeaker {
    /// Open a device; `None` for the system's choice. Takes as long as the system does.
    #[new]
    fn new(
        py: Python<'_>,
        index: Option<usize>,
        sample_rate: u32,
        channels: u32,
        chunk_secs: f64,
    ) -> PyResult<Self> {
        let (format, chunk) = (Format { sample_rate, channels }, length(chunk_secs)?);
        // Whoever writes is told that it is gone.
        let opened = py.detach(|| Loudspeaker::open(index, format, chunk, |_| {}));
        Ok(Self(Arc::new(opened.map_err(raised)?)))
    }

    /// Write a chunk, for those who pace it themselves. False: there is no room yet.
    fn write(&self, audio: &[u8]) -> PyResult<bool> {
        match self.0.try_write(Bytes::copy_from_slice(audio)) {
            Ok(()) => Ok(true),
            Err(Refusal::Full(_)) => Ok(false),
            Err(Refusal::Failed(why)) => Err(PyOSError::new_err(why)),
            Err(Refusal::Closed) => Err(PyOSError::new_err("the loudspeaker is gone")),
        }
    }

    /// Forget what was written and not heard yet.
    fn interrupt(&self) {
        self.0.interrupt();
    }

    /// Seconds until all that was written has been heard.
    #[getter]
    fn queued_secs(&self) -> f64 {
        self.0.queued().as_secs_f64()
    }

    /// How often there were gaps in what was heard.
    #[getter]
    fn underruns(&self) -> u64 {
        self.0.underruns()
    }

    /// Rate (Hz) and channels of the device.
    #[getter]
    fn device_format(&self) -> (u32, u32) {
        let format = self.0.device_format();
        (format.sample_rate, format.channels)
    }

    /// Let the device go.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}

/// Who is told that the device is gone.
type OnLost = Arc<OnceLock<(Port, Arc<FrameObject>)>>;

/// A device that records.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct LocalMicrophone {
    microphone: Microphone,
    format: Format,
    streaming: Arc<AtomicBool>,
    on_lost: OnLost,
    open: Mutex<Option<Py<LoopPort>>>,
}

#[pymethods]
impl LocalMicrophone {
    /// Open a device; `None` for the system's choice. Takes as long as the system does.
    #[new]
    fn new(
        py: Python<'_>,
        index: Option<usize>,
        sample_rate: u32,
        channels: u32,
        chunk_secs: f64,
    ) -> PyResult<Self> {
        let (format, chunk) = (Format { sample_rate, channels }, length(chunk_secs)?);
        let on_lost = OnLost::default();
        let told = Arc::clone(&on_lost);
        let lost = move |why: String| {
            if let Some((port, on_lost)) = told.get() {
                let on_lost = Arc::clone(on_lost);
                port.call(move |py| on_lost.get().call1(py, (why,)).map(drop));
            }
        };
        let microphone = py.detach(|| Microphone::open(index, format, chunk, lost)).map_err(raised)?;
        let streaming = Arc::new(AtomicBool::new(true));
        Ok(Self { microphone, format, streaming, on_lost, open: Mutex::new(None) })
    }

    /// Hear from now on. Chunks are pushed downstream as the owner, or `on_audio(samples)` is
    /// called with each on the loop; `on_lost(why)` there if the device goes away.
    #[pyo3(signature = (owner, on_lost, on_audio=None))]
    fn start(
        &self,
        owner: &Bound<'_, ProcessorBase>,
        on_lost: Py<PyAny>,
        on_audio: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let py = owner.py();
        let loop_ = py.import("asyncio")?.call_method0("get_running_loop")?;
        let pusher = ProcessorBase::pusher(owner)?;
        let class = class_named(py, "InputAudioRawFrame")?;
        let open = LoopPort::open(&loop_)?;
        let port = open.get().port();
        let before = self.open.lock().unwrap_or_else(PoisonError::into_inner).replace(open.unbind());
        if let Some(before) = before {
            LoopPort::close(before.bind(py))?;
        }
        // Started again after a StopFrame: the listener is there already.
        let _ = self.on_lost.set((port.clone(), Arc::new(FrameObject::new(on_lost))));
        if let Some(why) = self.microphone.lost() {
            return Err(PyOSError::new_err(format!("the microphone is gone: {why}")));
        }
        let Format { sample_rate, channels } = self.format;
        let streaming = Arc::clone(&self.streaming);
        let runtime = runtime().handle();
        match on_audio {
            None => self.microphone.listen(runtime, move |samples| {
                if streaming.load(Ordering::Relaxed) {
                    push(&pusher, class, NativeBody::InputAudio { samples, sample_rate, channels });
                }
            }),
            Some(on_audio) => {
                let on_audio = Arc::new(FrameObject::new(on_audio));
                self.microphone.listen(runtime, move |samples| {
                    if streaming.load(Ordering::Relaxed) {
                        let on_audio = Arc::clone(&on_audio);
                        port.call(move |py| {
                            on_audio.get().call1(py, (PyBytes::new(py, &samples),)).map(drop)
                        });
                    }
                });
            }
        }
        Ok(())
    }

    /// Whether audio goes on into the pipeline; what is said meanwhile is dropped.
    #[getter]
    fn streaming(&self) -> bool {
        self.streaming.load(Ordering::Relaxed)
    }

    #[setter]
    fn set_streaming(&self, streaming: bool) {
        self.streaming.store(streaming, Ordering::Relaxed);
    }

    /// How often samples were lost.
    #[getter]
    fn overruns(&self) -> u64 {
        self.microphone.overruns()
    }

    /// Rate (Hz) and channels of the device.
    #[getter]
    fn device_format(&self) -> (u32, u32) {
        let format = self.microphone.device_format();
        (format.sample_rate, format.channels)
    }

    /// Hear nothing more, and let the device go. On the loop's thread.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.microphone.close());
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        open.map_or(Ok(()), |open| LoopPort::close(open.bind(py)))
    }
}

fn push(pusher: &Pusher<Asyncio>, class: pipecat_engine::Class, body: NativeBody) {
    // A pipeline that is over takes nothing more, and closes the microphone in its clean-up.
    pusher.push_patiently(frame::native(class, Direction::Downstream, body));
}
