//! Frames across the border: converted when somebody on the other side looks, and kept.

use std::sync::Arc;

use bytes::Bytes;
use pipecat_engine as engine;
use pipecat_rs_transport::playout::{AudioKind, PlayedAudio, Speech};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};

use super::graveyard::FrameObject;
use super::{Asyncio, Frame, classes};

/// What a frame born in Rust carries.
pub(crate) enum NativeBody {
    /// 16-bit PCM from an input: samples interleaved, Hz, channels.
    InputAudio {
        /// Little-endian samples.
        samples: Bytes,
        /// In Hz.
        sample_rate: u32,
        /// How many.
        channels: u32,
    },
    /// A chunk that an output has played.
    PlayedAudio {
        /// What was played, and of which kind.
        audio: PlayedAudio,
        /// In Hz.
        sample_rate: u32,
        /// How many.
        channels: u32,
        /// The destination, unless it is the default one.
        destination: Option<Arc<str>>,
    },
    /// The bot has started, goes on or has stopped to speak: one of the two frames of a broadcast.
    BotSpeech {
        /// Which.
        speech: Speech,
        /// The destination, unless it is the default one.
        destination: Option<Arc<str>>,
        /// Identity of the frame that goes the other way.
        sibling: u64,
    },
    /// What was found in the audio that passes, for the processor beside.
    VoiceActivity(VoiceEvent),
    /// A plain mark with a number, from a thread: what the border's benchmark sends.
    Tick(u64),
}

/// What was found in audio.
pub(crate) enum VoiceEvent {
    /// Somebody begins to speak.
    Started,
    /// Somebody still speaks.
    Activity,
    /// Nobody speaks any more.
    Stopped,
    /// The audio has ceased while somebody spoke.
    Ceased,
    /// Everything before this mark has been told.
    Drained(u64),
    /// Python's frames came where they could not be read.
    Unread,
    /// The network fails, or the audio cannot be heard.
    Failed(Box<str>),
}

static FRAME_TYPES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

/// Set the Python classes that native frames become.
pub(crate) fn set_frame_types(py: Python<'_>, types: Py<PyDict>) {
    let _already = FRAME_TYPES.set(py, types);
}

/// The Python class that native frames of a name become.
pub(crate) fn frame_type<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let types = FRAME_TYPES
        .get(py)
        .ok_or_else(|| pyo3::exceptions::PyRuntimeError::new_err("pipecat_rs.frames is not imported"))?;
    types.bind(py).get_item(name)?.ok_or_else(|| pyo3::exceptions::PyKeyError::new_err(name.to_owned()))
}

/// A Python frame as the engine moves it.
#[inline(always)]
pub(crate) fn wrap(
    object: &Bound<'_, PyAny>,
    class: engine::Class,
    direction: engine::Direction,
    with_id: bool,
) -> PyResult<Frame> {
    let own_words = class.bits.has(engine::Bits::OWN_WORDS);
    Ok(Frame {
        class: if own_words { in_its_own_words(object, class) } else { class },
        epoch: engine::Epoch::default(),
        id: if with_id { identity(object)? } else { 0 },
        direction,
        payload: engine::Payload::Foreign(FrameObject::new(object.clone().unbind())),
    })
}

/// The class as this very frame has it: its own word on interruptions counts before its class's.
#[cold]
fn in_its_own_words(object: &Bound<'_, PyAny>, class: engine::Class) -> engine::Class {
    let frame = match object.cast::<crate::processor::QueuedFrame>() {
        Ok(queued) => queued.get().frame.bind(object.py()).clone(),
        Err(_) => object.clone(),
    };
    let word = frame.getattr(intern!(object.py(), "interruptible"));
    let bits = match word.and_then(|word| word.is_truthy()) {
        Ok(true) | Err(_) => class.bits.without(engine::Bits::UNINTERRUPTIBLE),
        Ok(false) => class.bits.with(engine::Bits::UNINTERRUPTIBLE).without(engine::Bits::DROPPABLE),
    };
    engine::Class { bits, ..class }
}

#[cold]
fn identity(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    object.getattr(intern!(object.py(), "id"))?.extract()
}

/// The Python object of a frame; `None` for the engine's own marks.
pub(crate) fn object(py: Python<'_>, payload: engine::Payload<Asyncio>) -> PyResult<Option<Py<PyAny>>> {
    Ok(match payload {
        engine::Payload::Foreign(object) => Some(object.into_inner()),
        engine::Payload::Shared(object) => Some(object.get().clone_ref(py)),
        engine::Payload::Native(native) => Some(materialise(py, &native)?),
        engine::Payload::Mark => None,
    })
}

#[cold]
fn materialise(py: Python<'_>, native: &engine::NativeFrame<Asyncio>) -> PyResult<Py<PyAny>> {
    if let Some(object) = native.object.get() {
        return Ok(object.get().clone_ref(py));
    }
    let object = match &native.body {
        NativeBody::InputAudio { samples, sample_rate, channels } => {
            audio_frame(py, &native.body, samples, *sample_rate, *channels)?
        }
        NativeBody::PlayedAudio { audio, sample_rate, channels, destination } => {
            let frame = audio_frame(py, &native.body, &audio.samples, *sample_rate, *channels)?;
            if let Some(destination) = destination {
                frame.setattr(intern!(py, "transport_destination"), &**destination)?;
            }
            if let (AudioKind::Tts, Some(context)) = (audio.kind, &audio.context) {
                frame.setattr(intern!(py, "context_id"), &**context)?;
            }
            frame
        }
        NativeBody::BotSpeech { destination, sibling, .. } => {
            let frame = frame_type(py, native.body.class_name())?.call0()?;
            frame.setattr(intern!(py, "broadcast_sibling_id"), sibling)?;
            if let Some(destination) = destination {
                frame.setattr(intern!(py, "transport_destination"), &**destination)?;
            }
            frame
        }
        NativeBody::VoiceActivity(event) => {
            let (kind, mark, error) = match event {
                VoiceEvent::Started => ("started", 0, None),
                VoiceEvent::Activity => ("activity", 0, None),
                VoiceEvent::Stopped => ("stopped", 0, None),
                VoiceEvent::Ceased => ("ceased", 0, None),
                VoiceEvent::Drained(mark) => ("drained", *mark, None),
                VoiceEvent::Unread => ("unread", 0, None),
                VoiceEvent::Failed(error) => ("failed", 0, Some(&**error)),
            };
            frame_type(py, native.body.class_name())?.call1((kind, mark, error))?
        }
        NativeBody::Tick(number) => {
            let frame = frame_type(py, "DataFrame")?.call0()?;
            frame.getattr("metadata")?.set_item("number", number)?;
            frame
        }
    };
    // A fork may have given the frame its identity already; from now on it is the object's.
    let own_id = identity(&object)?;
    let id = native.identity_or(own_id);
    if id != own_id {
        object.setattr(intern!(py, "id"), id)?;
    }
    // Another reader may have been faster while Python ran: one object is everybody's.
    let kept = native.object.get_or_init(|| FrameObject::new(object.unbind()));
    Ok(kept.get().clone_ref(py))
}

fn audio_frame<'py>(
    py: Python<'py>,
    body: &NativeBody,
    samples: &[u8],
    sample_rate: u32,
    channels: u32,
) -> PyResult<Bound<'py, PyAny>> {
    let class = frame_type(py, body.class_name())?;
    class.call1((PyBytes::new(py, samples), sample_rate, channels))
}

impl NativeBody {
    /// Name of the Python class that it becomes.
    fn class_name(&self) -> &'static str {
        match self {
            Self::InputAudio { .. } => "InputAudioRawFrame",
            Self::PlayedAudio { audio, .. } => match audio.kind {
                AudioKind::Plain => "OutputAudioRawFrame",
                AudioKind::Tts => "TTSAudioRawFrame",
                AudioKind::Speech => "SpeechOutputAudioRawFrame",
            },
            Self::BotSpeech { speech, .. } => match speech {
                Speech::Started => "BotStartedSpeakingFrame",
                Speech::Speaking => "BotSpeakingFrame",
                Speech::Stopped => "BotStoppedSpeakingFrame",
            },
            Self::VoiceActivity(_) => "VoiceActivityFrame",
            Self::Tick(_) => "DataFrame",
        }
    }
}

/// The class of a native frame.
pub(crate) fn native_class(py: Python<'_>, body: &NativeBody) -> PyResult<engine::Class> {
    class_named(py, body.class_name())
}

/// The class that native frames of a name become.
pub(crate) fn class_named(py: Python<'_>, name: &str) -> PyResult<engine::Class> {
    classes::class_for_type(frame_type(py, name)?.cast()?)
}

/// A frame born in Rust, as the engine moves it.
pub(crate) fn native(class: engine::Class, direction: engine::Direction, body: NativeBody) -> Frame {
    Frame {
        class,
        epoch: engine::Epoch::default(),
        id: 0,
        direction,
        payload: engine::Payload::Native(Arc::new(engine::NativeFrame::new(body))),
    }
}
