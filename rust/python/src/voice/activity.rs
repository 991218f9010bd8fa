//! Voice activity on the way through a pipeline: live audio passes at once, and what is found in it comes
//! as frames of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use pipecat_engine::{self as engine, Direction, Emit, Inline, Interest, Payload, Pusher};
use pipecat_rs_audio::vad::{SpeechEvent, VadParams};
use pipecat_rs_inference::vad::{DetectorParams, VoiceDetector, VoiceReport};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyTuple;

use super::lead::{Admission, Audio, Lead, Release};
use super::model::VoiceModel;
use super::samples;
use crate::host::frame::{NativeBody, VoiceEvent, class_named, frame_type, native};
use crate::host::graveyard::FrameObject;
use crate::host::{Asyncio, Frame, classes, ffi};

/// Python's frames that wait to be read, at most: two seconds of usual ones.
const MOST_WAITING: usize = 100;
/// Says that what came before the frames which wait has been heard.
const HEARD: u64 = u64::MAX;

struct Shared {
    detector: Mutex<Option<VoiceDetector>>,
    /// Where to push, once it is in a pipeline.
    pusher: Mutex<Option<Pusher<Asyncio>>>,
    lead: Mutex<Lead>,
    deaf: AtomicBool,
    has_failed: AtomicBool,
    /// Frames that Python made and that came without the GIL: the backlog of a native thread.
    unread: ArrayQueue<Arc<FrameObject>>,
    /// Whether what it finds goes against the stream.
    upstream: bool,
    passes_audio: bool,
    audio: OnceLock<Arc<Interest>>,
    event: OnceLock<engine::Class>,
}

/// Follows the voice in the audio that passes a place of a pipeline, and tells the neighbour in one
/// direction of it. Runs on whichever thread delivers; the network has a thread of its own.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct VoiceActivity(Arc<Shared>);

#[pymethods]
impl VoiceActivity {
    #[new]
    fn new(upstream: bool, passes_audio: bool) -> Self {
        Self(Arc::new(Shared {
            detector: Mutex::new(None),
            pusher: Mutex::new(None),
            lead: Mutex::default(),
            deaf: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            unread: ArrayQueue::new(MOST_WAITING),
            upstream,
            passes_audio,
            audio: OnceLock::new(),
            event: OnceLock::new(),
        }))
    }

    /// Listen from now on. `vad` are the confidence, the seconds to start and to stop, and the volume.
    fn begin(
        &self,
        model: &VoiceModel,
        vad: (f64, f64, f64, f64),
        activity_secs: f64,
        idle_timeout_secs: f64,
    ) -> PyResult<()> {
        let params = DetectorParams {
            vad: vad_params(vad),
            activity_secs,
            idle_timeout: Duration::try_from_secs_f64(idle_timeout_secs).ok().filter(|time| !time.is_zero()),
        };
        let shared = Arc::downgrade(&self.0);
        let listener = move |report| {
            if let Some(shared) = shared.upgrade() {
                shared.tell(report);
            }
        };
        let detector = model.detector(params, listener)?;
        *lock(&self.0.lead) = Lead::default();
        *lock(&self.0.detector) = Some(detector);
        Ok(())
    }

    /// Change when a voice counts.
    fn set_params(&self, vad: (f64, f64, f64, f64)) {
        if let Some(detector) = &*lock(&self.0.detector) {
            detector.set_params(vad_params(vad));
        }
    }

    /// Take audio that does not pass this place.
    fn hear(&self, audio: PyBackedBytes, sample_rate: u32, channels: u32) {
        self.0.hear(&Audio { samples: samples(&audio), sample_rate, channels });
    }

    /// Read the frames that came where Python could not be asked.
    fn hear_unread(&self, py: Python<'_>) -> PyResult<()> {
        while let Some(frame) = self.0.unread.pop() {
            self.0.hear(&read(frame.get().bind(py))?);
        }
        Ok(())
    }

    /// Whether audio that passes is not listened to.
    #[getter]
    fn deaf(&self) -> bool {
        self.0.deaf.load(Ordering::Relaxed)
    }

    #[setter]
    fn set_deaf(&self, deaf: bool) {
        self.0.deaf.store(deaf, Ordering::Relaxed);
    }

    /// Have a mark told once all audio before it has been. False: nobody listens.
    fn drain(&self, mark: u64) -> bool {
        if lock(&self.0.detector).is_none() {
            return false;
        }
        if !lock(&self.0.lead).keeps(mark) {
            self.0.drain(mark);
        }
        true
    }

    /// Windows that were dropped because the machine could not keep up.
    fn dropped(&self) -> u64 {
        lock(&self.0.detector).as_ref().map_or(0, VoiceDetector::dropped)
    }

    /// Listen no longer.
    fn end(&self) {
        lock(&self.0.detector).take();
        self.0.release();
    }
}

impl VoiceActivity {
    /// A processor for one run.
    pub(crate) fn processor(&self, py: Python<'_>) -> PyResult<Box<dyn Inline<Asyncio>>> {
        let shared = &self.0;
        if shared.audio.get().is_none() {
            let audio = PyTuple::new(py, [frame_type(py, "InputAudioRawFrame")?])?;
            let _other = shared.audio.set(classes::interest_in(&audio)?);
            let _other = shared.event.set(class_named(py, "VoiceActivityFrame")?);
        }
        Ok(Box::new(VoiceNode(Arc::clone(shared))))
    }
}

struct VoiceNode(Arc<Shared>);

impl Inline<Asyncio> for VoiceNode {
    fn process(&mut self, mut frame: Frame, emit: &mut Emit<'_, Asyncio>) {
        let is_audio = frame.direction == Direction::Downstream
            && self.0.audio.get().is_some_and(|audio| audio.names(frame.class));
        if !is_audio {
            return emit.forward(frame);
        }
        let audio =
            if self.0.deaf.load(Ordering::Relaxed) { None } else { self.0.look(frame.share().payload) };
        let listens = lock(&self.0.detector).is_some();
        let audio = audio.filter(|_| listens);
        let admission = lock(&self.0.lead).admit((frame, audio), Instant::now());
        match admission {
            Admission::Passes((frame, audio)) => {
                // On first: audio does not wait.
                if self.0.passes_audio {
                    emit.forward(frame);
                } else {
                    emit.discard(frame);
                }
                if let Some(audio) = audio {
                    self.0.hear(&audio);
                }
            }
            Admission::Waits => {}
            Admission::WaitsFirst => self.0.drain(HEARD),
        }
    }

    fn attach(&mut self, pusher: Pusher<Asyncio>) {
        *lock(&self.0.pusher) = Some(pusher);
    }
}

impl Shared {
    /// The audio of a frame; none if only Python can read it, and not here.
    fn look(&self, payload: Payload<Asyncio>) -> Option<Audio> {
        match payload {
            Payload::Native(frame) => match &frame.body {
                NativeBody::InputAudio { samples: bytes, sample_rate, channels } => {
                    Some(Audio { samples: samples(bytes), sample_rate: *sample_rate, channels: *channels })
                }
                _ => None,
            },
            Payload::Shared(frame) => match ffi::if_attached(|py| read(frame.get().bind(py))) {
                Some(Ok(audio)) => Some(audio),
                Some(Err(error)) => {
                    self.fail(error.to_string());
                    None
                }
                // On a native thread: the loop is asked to read it.
                None => {
                    self.unread.force_push(frame);
                    self.push(VoiceEvent::Unread);
                    None
                }
            },
            Payload::Foreign(_) | Payload::Mark => None,
        }
    }

    fn hear(&self, audio: &Audio) {
        let heard = match &mut *lock(&self.detector) {
            Some(detector) => detector.process(&audio.samples, audio.sample_rate, audio.channels),
            None => return,
        };
        if let Err(error) = heard {
            self.fail(error.to_string());
        }
    }

    fn drain(&self, mark: u64) {
        if let Some(detector) = &*lock(&self.detector) {
            detector.drain(mark);
        }
    }

    /// Let out what waits, a window at a time as long as somebody listens.
    fn release(&self) {
        loop {
            let release = lock(&self.lead).release();
            match release {
                Release::Frame((frame, audio)) => {
                    let pusher = lock(&self.pusher).clone();
                    if let Some(pusher) = pusher.filter(|_| self.passes_audio) {
                        pusher.push(frame);
                    }
                    if let Some(audio) = audio {
                        self.hear(&audio);
                    }
                }
                Release::Pause => {
                    if let Some(detector) = &*lock(&self.detector) {
                        return detector.drain(HEARD);
                    }
                }
                Release::Over(marks) => return marks.into_iter().for_each(|mark| self.drain(mark)),
            }
        }
    }

    /// Said once.
    fn fail(&self, message: String) {
        if !self.has_failed.swap(true, Ordering::Relaxed) {
            self.push(VoiceEvent::Failed(message.into()));
        }
    }

    fn tell(&self, report: VoiceReport) {
        self.push(match report {
            VoiceReport::Drained(HEARD) => return self.release(),
            VoiceReport::Speech(SpeechEvent::Started) => VoiceEvent::Started,
            VoiceReport::Speech(SpeechEvent::Activity) => VoiceEvent::Activity,
            VoiceReport::Speech(SpeechEvent::Stopped) => VoiceEvent::Stopped,
            VoiceReport::Ceased => VoiceEvent::Ceased,
            VoiceReport::Drained(mark) => VoiceEvent::Drained(mark),
            VoiceReport::Failed(error) => VoiceEvent::Failed(error.to_string().into()),
        });
    }

    fn push(&self, event: VoiceEvent) {
        let (Some(pusher), Some(class)) = (lock(&self.pusher).clone(), self.event.get()) else { return };
        let direction = if self.upstream { Direction::Upstream } else { Direction::Downstream };
        pusher.push(native(*class, direction, NativeBody::VoiceActivity(event)));
    }
}

/// The audio of a frame of Python's: plain attributes, so nothing of Python's runs.
fn read(frame: &Bound<'_, PyAny>) -> PyResult<Audio> {
    let py = frame.py();
    let audio: PyBackedBytes = frame.getattr(intern!(py, "audio"))?.extract()?;
    Ok(Audio {
        samples: samples(&audio),
        sample_rate: frame.getattr(intern!(py, "sample_rate"))?.extract()?,
        channels: frame.getattr(intern!(py, "num_channels"))?.extract()?,
    })
}

fn vad_params((confidence, start_secs, stop_secs, min_volume): (f64, f64, f64, f64)) -> VadParams {
    VadParams { confidence, start_secs, stop_secs, min_volume }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
