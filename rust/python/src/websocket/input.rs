//! From a connection's messages into a pipeline, without Python for the audio.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pipecat_engine as engine;
use pipecat_engine::{Direction, Pusher};
use pipecat_rs_transport::websocket::{
    Closed, Connection, Listener, Receiver, SharedSerializer, WireReceiver,
};
use pipecat_rs_wire::{Audio, Incoming, WireError};
use pyo3::prelude::*;

use super::connection::tell_closed;
use super::{message_of, object_of};
use crate::host::Asyncio;
use crate::host::frame::{self, NativeBody, class_named};
use crate::host::graveyard::FrameObject;
use crate::host::port::Port;
use crate::processor::ProcessorBase;
use crate::wire::WireSerializer;

struct Shared {
    pusher: Pusher<Asyncio>,
    class: engine::Class,
    streaming: AtomicBool,
    malformed: AtomicU64,
    on_incoming: Arc<FrameObject>,
    on_closed: Arc<FrameObject>,
}

/// Pushes a peer's audio downstream as an input transport, and tells Python of all else.
///
/// `on_incoming(kind, *values)` is called on the loop for what is not audio: `("dtmf", key)`,
/// `("application", json)`, `("text", text)`, `("transcription", text, user_id, timestamp)`,
/// `("started", stream_id, call_id, facts)`, `("played", mark)`, `("stopped", reason)`, `("reply",
/// data)` for what a socket of Python's is to answer and, for the first message that makes no sense, `("malformed", error)`. At the end
/// `on_closed(code, reason, by)`.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct AudioInput {
    shared: Arc<Shared>,
    serializer: SharedSerializer,
    receiver: Mutex<Option<Arc<dyn Receiver>>>,
}

#[pymethods]
impl AudioInput {
    #[new]
    fn new(
        owner: &Bound<'_, ProcessorBase>,
        serializer: &Bound<'_, WireSerializer>,
        on_incoming: Py<PyAny>,
        on_closed: Py<PyAny>,
    ) -> PyResult<Self> {
        let shared = Shared {
            pusher: ProcessorBase::pusher(owner)?,
            class: class_named(owner.py(), "InputAudioRawFrame")?,
            streaming: AtomicBool::new(true),
            malformed: AtomicU64::new(0),
            on_incoming: Arc::new(FrameObject::new(on_incoming)),
            on_closed: Arc::new(FrameObject::new(on_closed)),
        };
        let serializer = serializer.get().shared();
        Ok(Self { shared: Arc::new(shared), serializer, receiver: Mutex::new(None) })
    }

    /// Whether audio goes on into the pipeline; what comes meanwhile is dropped.
    #[getter]
    fn streaming(&self) -> bool {
        self.shared.streaming.load(Ordering::Relaxed)
    }

    #[setter]
    fn set_streaming(&self, streaming: bool) {
        self.shared.streaming.store(streaming, Ordering::Relaxed);
    }

    /// Take a message that was read in another way: from a socket of Python's.
    fn feed(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let message = message_of(data)?;
        let mut said = Vec::new();
        let decoded =
            self.serializer.lock().unwrap_or_else(PoisonError::into_inner).decode(&message, &mut said);
        for said in said {
            match said {
                Incoming::Audio(audio) => self.shared.audio(audio),
                other => call(py, &self.shared.on_incoming, other)?,
            }
        }
        match decoded {
            Err(error) if self.shared.is_first_malformed() => {
                self.shared.on_incoming.get().call1(py, ("malformed", error.to_string())).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// How many messages made no sense.
    #[getter]
    fn malformed(&self) -> u64 {
        self.shared.malformed.load(Ordering::Relaxed)
    }
}

impl AudioInput {
    /// What a connection hands its messages to. `None`: it receives from another already.
    pub(crate) fn receiver(&self, connection: &Connection, port: &Port) -> Option<Arc<dyn Receiver>> {
        let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        if receiver.is_some() {
            return None;
        }
        let listener = Arc::new(Ears { shared: Arc::clone(&self.shared), port: port.clone() });
        let serializer = Arc::clone(&self.serializer);
        let made: Arc<dyn Receiver> = Arc::new(WireReceiver::new(connection.clone(), serializer, listener));
        *receiver = Some(Arc::clone(&made));
        Some(made)
    }
}

impl Shared {
    fn audio(&self, audio: Audio) {
        if !self.streaming.load(Ordering::Relaxed) {
            return;
        }
        let (sample_rate, channels) = (audio.sample_rate, audio.channels);
        let body = NativeBody::InputAudio { samples: audio.samples, sample_rate, channels };
        self.pusher.push_patiently(frame::native(self.class, Direction::Downstream, body));
    }

    /// A peer that talks nonsense is told of once, not for each of its messages.
    fn is_first_malformed(&self) -> bool {
        self.malformed.fetch_add(1, Ordering::Relaxed) == 0
    }
}

/// Tell Python what was said.
fn call(py: Python<'_>, on_incoming: &FrameObject, said: Incoming) -> PyResult<()> {
    let call = on_incoming.get().bind(py);
    match said {
        Incoming::Audio(_) => return Ok(()),
        Incoming::Dtmf(key) => call.call1(("dtmf", key.to_string())),
        Incoming::Started(start) => call.call1(("started", start.stream_id, start.call_id, start.facts)),
        Incoming::Played(mark) => call.call1(("played", mark)),
        Incoming::Text(text) => call.call1(("text", text)),
        Incoming::Transcription { text, user_id, timestamp } => {
            call.call1(("transcription", text, user_id, timestamp))
        }
        Incoming::Application(json) => call.call1(("application", json)),
        Incoming::Reply(message) => call.call1(("reply", object_of(py, &message))),
        Incoming::Stopped { reason } => call.call1(("stopped", reason)),
        Incoming::Interruption => call.call1(("interruption",)),
    }
    .map(drop)
}

/// Hears a native connection, on a media thread.
struct Ears {
    shared: Arc<Shared>,
    port: Port,
}

impl Listener for Ears {
    fn incoming(&self, said: Incoming) {
        match said {
            Incoming::Audio(audio) => self.shared.audio(audio),
            said => {
                let on_incoming = Arc::clone(&self.shared.on_incoming);
                self.port.call(move |py| call(py, &on_incoming, said));
            }
        }
    }

    fn malformed(&self, error: WireError) {
        if self.shared.is_first_malformed() {
            let (on_incoming, what) = (Arc::clone(&self.shared.on_incoming), error.to_string());
            self.port.call(move |py| on_incoming.get().call1(py, ("malformed", what)).map(drop));
        }
    }

    fn closed(&self, closed: Closed) {
        tell_closed(&self.port, &self.shared.on_closed, closed);
    }
}
