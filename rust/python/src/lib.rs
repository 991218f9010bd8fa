//! The border between the engine and asyncio: the PyO3 module `pipecat_rs._core`.
//!
//! The only crate with Python in it. `host` steps coroutines on a loop's thread; the classes here
//! are thin handles: take arguments apart, one call, wrap the result.

mod audio;
mod awaitable;
mod bench_post;
mod direction;
mod host;
mod layout;
mod media;
mod observer;
mod processor;
mod serve;
mod task;
mod turn;
mod voice;
mod websocket;
mod wire;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

/// Tell the module what it needs of the Python face: the function that computes a frame class's
/// facts, the members of `FrameDirection`, and the classes that native frames become.
#[pyfunction]
fn _configure(
    py: Python<'_>,
    classify: Py<PyAny>,
    downstream: Py<PyAny>,
    upstream: Py<PyAny>,
    frame_types: Py<PyDict>,
) {
    host::classes::set_classifier(py, classify);
    direction::set_members(py, downstream, upstream);
    host::frame::set_frame_types(py, frame_types);
}

/// From now on each frame of this class is asked whether an interruption may drop it.
#[pyfunction]
fn _mark_own_words(frame_type: &Bound<'_, PyType>) {
    host::classes::mark_own_words(frame_type);
}

/// A method that calls a native one and shows the face of an `async def` function.
#[pyfunction]
fn _coroutine_method(face: &Bound<'_, PyAny>, native: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    host::ffi::make_coroutine_method(face, native)
}

#[pymodule(gil_used = true)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<processor::ProcessorBase>()?;
    module.add_class::<processor::QueuedFrame>()?;
    module.add_class::<task::TaskBase>()?;
    module.add_class::<observer::ObserverSeat>()?;
    module.add_class::<layout::SwitchChoice>()?;
    module.add_class::<media::PacedAudio>()?;
    module.add_class::<media::AudioArrivals>()?;
    module.add_class::<media::AudioCollector>()?;
    module.add_class::<media::AudioFeed>()?;
    module.add_class::<media::Lateness>()?;
    module.add_class::<media::LocalMicrophone>()?;
    module.add_class::<media::LocalSpeaker>()?;
    module.add_function(wrap_pyfunction!(media::_local_audio_devices, module)?)?;
    module.add_class::<media::Playout>()?;
    module.add_class::<host::port::LoopPort>()?;
    module.add_class::<websocket::AudioInput>()?;
    module.add_class::<websocket::WebSocketConnection>()?;
    module.add_class::<websocket::WebSocketRequest>()?;
    module.add_class::<websocket::WebSocketServer>()?;
    module.add_class::<websocket::WireOutput>()?;
    module.add_class::<serve::HttpRequest>()?;
    module.add_class::<serve::Session>()?;
    module.add_class::<serve::SessionServer>()?;
    module.add_function(wrap_pyfunction!(websocket::_websocket_connect, module)?)?;
    module.add_class::<voice::VoiceModel>()?;
    module.add_class::<voice::VoiceStream>()?;
    module.add_class::<voice::VoiceActivity>()?;
    module.add_class::<turn::SmartTurnModel>()?;
    module.add_class::<turn::SmartTurnStream>()?;
    module.add_class::<turn::TurnAnswer>()?;
    module.add_class::<turn::SpeechSegment>()?;
    module.add_class::<wire::WireSerializer>()?;
    module.add_function(wrap_pyfunction!(wire::_encode_protobuf_frame, module)?)?;
    module.add_function(wrap_pyfunction!(wire::_decode_protobuf_frame, module)?)?;
    module.add_class::<host::runner::Runner>()?;
    module.add_class::<host::park::Parked>()?;
    module.add_class::<awaitable::Waiting>()?;
    module.add_function(wrap_pyfunction!(_configure, module)?)?;
    module.add_function(wrap_pyfunction!(_mark_own_words, module)?)?;
    module.add_function(wrap_pyfunction!(_coroutine_method, module)?)?;
    module.add_function(wrap_pyfunction!(bench_post::_bench_post, module)?)?;
    audio::register(module)?;
    module.add_function(wrap_pyfunction!(media::_start_media_threads, module)?)?;
    let close = wrap_pyfunction!(host::closing::_close_for_ever, module)?;
    module.py().import("atexit")?.call_method1("register", (close,))?;
    let close = wrap_pyfunction!(voice::_close_voice_engines, module)?;
    module.py().import("atexit")?.call_method1("register", (close,))?;
    module.add("DEBUG_BUILD", cfg!(debug_assertions))?;
    module.add("LOCAL_AUDIO", pipecat_rs_transport::local::BUILT)?;
    Ok(())
}
