//! Frames across the border: converted when somebody on the other side looks, and kept.

use std::sync::Arc;

use pipecat_engine as engine;
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
        /// Little-endian samples, of which this frame is a part.
        samples: Arc<[u8]>,
        /// Where the part begins, in bytes.
        from: usize,
        /// Where it ends.
        to: usize,
        /// In Hz.
        sample_rate: u32,
        /// How many.
        channels: u32,
    },
    /// A plain mark with a number, from a thread: what the border's benchmark sends.
    Tick(u64),
}

static FRAME_TYPES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

/// Set the Python classes that native frames become.
pub(crate) fn set_frame_types(py: Python<'_>, types: Py<PyDict>) {
    let _already = FRAME_TYPES.set(py, types);
}

fn frame_type<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
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
        NativeBody::InputAudio { samples, from, to, sample_rate, channels } => {
            let kwargs = PyDict::new(py);
            kwargs.set_item("audio", PyBytes::new(py, &samples[*from..*to]))?;
            kwargs.set_item("sample_rate", sample_rate)?;
            kwargs.set_item("num_channels", channels)?;
            frame_type(py, "InputAudioRawFrame")?.call((), Some(&kwargs))?
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

/// The class of a native frame.
pub(crate) fn native_class(py: Python<'_>, body: &NativeBody) -> PyResult<engine::Class> {
    let name = match body {
        NativeBody::InputAudio { .. } => "InputAudioRawFrame",
        NativeBody::Tick(_) => "DataFrame",
    };
    classes::class_for_type(frame_type(py, name)?.cast()?)
}
