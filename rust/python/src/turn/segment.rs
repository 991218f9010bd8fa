//! The audio of a turn: given by Python, or listened to on its way past a place of a pipeline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use pipecat_engine::{Direction, Emit, Inline, Interest, Payload};
use pipecat_rs_audio::ChannelMapper;
use pipecat_rs_inference::smart_turn::{Segment, SegmentParams};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyTuple};

use super::model::samples;
use crate::host::frame::{NativeBody, frame_type};
use crate::host::graveyard::FrameObject;
use crate::host::{Asyncio, Frame, classes, ffi};

/// Python's frames that wait to be read, at most: two seconds of usual ones.
const MOST_WAITING: usize = 100;

/// The audio of a turn, from shortly before speech on.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct SpeechSegment(Arc<Shared>);

struct Shared {
    segment: Mutex<Segment>,
    is_speaking: AtomicBool,
    is_deaf: AtomicBool,
    /// Whether frames that pass say when somebody speaks, and not `set_speaking`.
    follows_frames: AtomicBool,
    /// Frames that Python made and that came without the GIL: the backlog of a native thread.
    unread: ArrayQueue<Arc<FrameObject>>,
    kinds: OnceLock<Kinds>,
}

/// The frames to look at.
struct Kinds {
    audio: Arc<Interest>,
    started: Arc<Interest>,
    stopped: Arc<Interest>,
}

#[pymethods]
impl SpeechSegment {
    #[new]
    fn new(sample_rate: u32, stop_secs: f64, pre_speech_secs: f64, longest_secs: f64) -> PyResult<Self> {
        let params = SegmentParams {
            sample_rate,
            stop: seconds("stop_secs", stop_secs)?,
            pre_speech: seconds("pre_speech", pre_speech_secs)?,
            longest: seconds("max_duration_secs", longest_secs)?,
        };
        Ok(Self(Arc::new(Shared {
            segment: Mutex::new(Segment::new(params)),
            is_speaking: AtomicBool::new(false),
            is_deaf: AtomicBool::new(false),
            follows_frames: AtomicBool::new(false),
            unread: ArrayQueue::new(MOST_WAITING),
            kinds: OnceLock::new(),
        })))
    }

    /// Take 16-bit mono audio in. True if it was quiet for so long that the turn is over.
    fn append(&self, audio: &[u8], is_speech: bool) -> PyResult<bool> {
        let samples = samples(audio)?;
        let mut segment = self.0.lock();
        if segment.params().sample_rate == 0 {
            return Err(PyValueError::new_err(
                "the sample rate of the audio is not known: set_sample_rate()",
            ));
        }
        Ok(segment.append(&samples, is_speech))
    }

    /// Follow audio of another rate, in Hz.
    fn set_sample_rate(&self, sample_rate: u32) {
        self.0.lock().set_sample_rate(sample_rate);
    }

    /// How long somebody speaks before it is reported, in seconds.
    fn set_start_secs(&self, secs: f64) -> PyResult<()> {
        self.0.lock().set_start(seconds("vad_start_secs", secs)?);
        Ok(())
    }

    /// Whether there is voice in the audio that passes from now on. Not if frames say so.
    fn set_speaking(&self, is_speaking: bool) {
        if !self.0.follows_frames.load(Ordering::Relaxed) {
            self.0.is_speaking.store(is_speaking, Ordering::Relaxed);
        }
    }

    /// Whether the frames of voice activity pass the same place as the audio.
    fn set_follows_frames(&self, follows_frames: bool) {
        self.0.follows_frames.store(follows_frames, Ordering::Relaxed);
    }

    /// Whether audio that passes is not listened to.
    fn set_deaf(&self, is_deaf: bool) {
        self.0.is_deaf.store(is_deaf, Ordering::Relaxed);
    }

    /// The audio to judge, as 16-bit samples.
    fn audio<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let (audio, _rate) = self.to_judge(py)?;
        let bytes: Vec<u8> = audio.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        Ok(PyBytes::new(py, &bytes))
    }

    /// Whether there is nothing to judge.
    #[getter]
    fn is_empty(&self, py: Python<'_>) -> PyResult<bool> {
        self.0.read_unread(py)?;
        Ok(self.0.lock().is_empty())
    }

    /// Whether somebody has spoken in this turn.
    #[getter]
    fn has_speech(&self) -> bool {
        self.0.lock().has_speech()
    }

    /// Forget the turn.
    fn clear(&self) {
        self.0.lock().clear();
    }
}

impl SpeechSegment {
    /// Samples and their rate.
    pub(super) fn to_judge(&self, py: Python<'_>) -> PyResult<(Vec<i16>, u32)> {
        self.0.read_unread(py)?;
        let segment = self.0.lock();
        Ok((segment.audio(), segment.params().sample_rate))
    }

    /// A processor for one run: passes everything on, and listens to audio that goes downstream.
    pub(crate) fn processor(&self, py: Python<'_>) -> PyResult<Box<dyn Inline<Asyncio>>> {
        if self.0.kinds.get().is_none() {
            let interest = |name| classes::interest_in(&PyTuple::new(py, [frame_type(py, name)?])?);
            let _other = self.0.kinds.set(Kinds {
                audio: interest("InputAudioRawFrame")?,
                started: interest("VADUserStartedSpeakingFrame")?,
                stopped: interest("VADUserStoppedSpeakingFrame")?,
            });
        }
        Ok(Box::new(SegmentNode(Arc::clone(&self.0))))
    }
}

struct SegmentNode(Arc<Shared>);

impl Inline<Asyncio> for SegmentNode {
    fn process(&mut self, mut frame: Frame, emit: &mut Emit<'_, Asyncio>) {
        let shared = &self.0;
        if let Some(kinds) = shared.kinds.get().filter(|_| frame.direction == Direction::Downstream) {
            if kinds.audio.names(frame.class) {
                if !shared.is_deaf.load(Ordering::Relaxed) {
                    let copy = frame.share().payload;
                    shared.look(copy);
                }
            } else if shared.follows_frames.load(Ordering::Relaxed) {
                if kinds.started.names(frame.class) {
                    shared.is_speaking.store(true, Ordering::Relaxed);
                } else if kinds.stopped.names(frame.class) {
                    shared.is_speaking.store(false, Ordering::Relaxed);
                }
            }
        }
        emit.forward(frame);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Segment> {
        self.segment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, payload: Payload<Asyncio>) {
        match payload {
            Payload::Native(frame) => {
                if let NativeBody::InputAudio { samples, sample_rate, channels } = &frame.body {
                    self.hear(samples, *sample_rate, *channels);
                }
            }
            Payload::Shared(frame) => {
                self.unread.force_push(frame);
                // A frame that cannot be read is whoever's who handles it: here it is left out.
                let _unreadable = ffi::if_attached(|py| self.read_unread(py));
            }
            Payload::Foreign(_) | Payload::Mark => {}
        }
    }

    fn read_unread(&self, py: Python<'_>) -> PyResult<()> {
        while let Some(frame) = self.unread.pop() {
            // Plain attributes, so nothing of Python's runs.
            let frame = frame.get().bind(py);
            let audio: PyBackedBytes = frame.getattr(intern!(py, "audio"))?.extract()?;
            let sample_rate: u32 = frame.getattr(intern!(py, "sample_rate"))?.extract()?;
            let channels: u32 = frame.getattr(intern!(py, "num_channels"))?.extract()?;
            self.hear(&audio, sample_rate, channels);
        }
        Ok(())
    }

    fn hear(&self, audio: &[u8], sample_rate: u32, channels: u32) {
        let heard: Vec<i16> =
            audio.as_chunks::<2>().0.iter().map(|&sample| i16::from_le_bytes(sample)).collect();
        let mut mono = Vec::new();
        let heard = match ChannelMapper::new(channels as usize, 1) {
            Ok(mut mapper) if channels > 1 => {
                pipecat_rs_audio::Stage::process(&mut mapper, &heard, &mut mono);
                mono
            }
            _ => heard,
        };
        let mut segment = self.lock();
        segment.set_sample_rate(sample_rate);
        segment.append(&heard, self.is_speaking.load(Ordering::Relaxed));
    }
}

fn seconds(name: &str, secs: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(secs)
        .map_err(|_| PyValueError::new_err(format!("{name} must be a time of 0 or more, not {secs}")))
}
