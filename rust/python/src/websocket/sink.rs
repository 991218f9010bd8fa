//! Where a native player writes: whichever connection is attached at the moment.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pipecat_rs_transport::websocket::{Connection, SharedSerializer, WireSink};
use pipecat_rs_transport::{Refusal, Sink};
use pipecat_rs_wire::{Message, Rates};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::connection::WebSocketConnection;
use super::loop_sink::LoopSink;
use super::{message_of, object_of};
use crate::host::graveyard::FrameObject;
use crate::host::port::LoopPort;
use crate::media::{AudioCollector, LocalSpeaker};
use crate::wire::WireSerializer;

/// Who takes what is played at the moment.
#[derive(Clone)]
enum Taker {
    /// A native connection.
    Connection(Connection, Arc<WireSink>, SharedSerializer),
    /// A socket of Python's.
    Loop(Arc<LoopSink>),
}

impl Taker {
    fn sink(&self) -> &dyn Sink {
        match self {
            Self::Connection(_, sink, _) => &**sink,
            Self::Loop(sink) => &**sink,
        }
    }

    fn send(&self, message: Message) -> bool {
        // A peer that takes nothing more is told of by the audio behind this.
        match self {
            Self::Connection(connection, ..) => connection.send(message).is_ok(),
            Self::Loop(sink) => sink.push(false, message),
        }
    }
}

/// A sink that has somebody behind it or has nobody, as clients come and go.
struct Attached {
    taker: Mutex<Option<Taker>>,
    /// Whether the peer is told of interruptions.
    tells_interruptions: bool,
}

impl Attached {
    fn taker(&self) -> Option<Taker> {
        self.taker.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, taker: Option<Taker>) {
        let before =
            std::mem::replace(&mut *self.taker.lock().unwrap_or_else(PoisonError::into_inner), taker);
        if let Some(Taker::Loop(sink)) = before {
            sink.close();
        }
    }

    /// Send a message to whoever is there.
    fn send(&self, message: Message) -> bool {
        self.taker().is_some_and(|taker| taker.send(message))
    }
}

impl Sink for Attached {
    fn try_write(&self, chunk: Bytes) -> Result<(), Refusal> {
        self.taker().ok_or(Refusal::Closed)?.sink().try_write(chunk)
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            if let Some(taker) = self.taker() {
                taker.sink().room().await;
            }
        })
    }

    fn interrupt(&self) {
        match self.taker() {
            Some(Taker::Connection(connection, _, serializer)) if !self.tells_interruptions => {
                let mut serializer = serializer.lock().unwrap_or_else(PoisonError::into_inner);
                connection.discard_queued();
                serializer.forget_audio();
            }
            Some(taker) => taker.sink().interrupt(),
            None => {}
        }
    }
}

/// The output side of a connection in one wire format.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct WireOutput {
    attached: Arc<Attached>,
    open: Mutex<Option<Py<LoopPort>>>,
    sample_rate: u32,
    channels: u32,
}

#[pymethods]
impl WireOutput {
    /// For audio of this rate (Hz) and number of channels. Whoever is attached is told of
    /// interruptions, or it is not.
    #[new]
    #[pyo3(signature = (sample_rate, channels, *, tells_interruptions=true))]
    fn new(sample_rate: u32, channels: u32, tells_interruptions: bool) -> Self {
        let attached = Arc::new(Attached { taker: Mutex::default(), tells_interruptions });
        Self { attached, open: Mutex::new(None), sample_rate, channels }
    }

    /// Send to a connection from now on, in a serializer's format.
    fn attach(
        &self,
        connection: &Bound<'_, WebSocketConnection>,
        serializer: &Bound<'_, WireSerializer>,
        input_rate: u32,
    ) {
        let serializer = self.prepared(serializer, input_rate);
        let connection = connection.get().inner();
        let shared = Arc::clone(&serializer);
        let sink = WireSink::new(connection.clone(), serializer, self.sample_rate, self.channels);
        self.attached.set(Some(Taker::Connection(connection, Arc::new(sink), shared)));
    }

    /// Keep messages for a loop that sends them from now on: `on_ready()` is called there when
    /// something waits, and `take` gives it.
    fn attach_loop(
        &self,
        py: Python<'_>,
        on_ready: Py<PyAny>,
        serializer: &Bound<'_, WireSerializer>,
        input_rate: u32,
    ) -> PyResult<()> {
        let serializer = self.prepared(serializer, input_rate);
        let loop_ = py.import("asyncio")?.call_method0("get_running_loop")?;
        let open = LoopPort::open(&loop_)?;
        let on_ready = Arc::new(FrameObject::new(on_ready));
        let port = open.get().port();
        let sink = LoopSink::new(serializer, self.sample_rate, self.channels, port, on_ready);
        self.attached.set(Some(Taker::Loop(Arc::new(sink))));
        let before = self.open.lock().unwrap_or_else(PoisonError::into_inner).replace(open.unbind());
        before.map_or(Ok(()), |before| LoopPort::close(before.bind(py)))
    }

    /// The next message for the loop to send. None: `on_ready` will be called.
    fn take<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match self.attached.taker() {
            Some(Taker::Loop(sink)) => sink.take().map(|message| object_of(py, &message)),
            _ => None,
        }
    }

    /// Nobody is there any more: what is played goes nowhere.
    fn detach(&self, py: Python<'_>) -> PyResult<()> {
        self.attached.set(None);
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        open.map_or(Ok(()), |open| LoopPort::close(open.bind(py)))
    }

    /// Send a message now, if somebody is there.
    fn send(&self, data: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.attached.send(message_of(data)?))
    }
}

impl WireOutput {
    fn prepared(&self, serializer: &Bound<'_, WireSerializer>, input_rate: u32) -> SharedSerializer {
        let serializer = serializer.get().shared();
        let rates = Rates { input: input_rate, output: self.sample_rate };
        serializer.lock().unwrap_or_else(PoisonError::into_inner).set_rates(rates);
        serializer
    }

    /// What sends a message to whoever is attached when it is called.
    pub(crate) fn sender(&self) -> impl Fn(Message) + Send + 'static {
        let attached = Arc::clone(&self.attached);
        move |message| {
            attached.send(message);
        }
    }
}

/// The sink behind an object that Python gives.
pub(crate) fn sink_of(object: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Sink>> {
    if let Ok(output) = object.cast::<WireOutput>() {
        return Ok(Arc::clone(&output.get().attached) as Arc<dyn Sink>);
    }
    if let Ok(collector) = object.cast::<AudioCollector>() {
        return Ok(collector.get().sink());
    }
    if let Ok(speaker) = object.cast::<LocalSpeaker>() {
        return Ok(speaker.get().sink());
    }
    let kind = object.get_type();
    Err(PyTypeError::new_err(format!("a playout writes to a native sink, not to {}", kind.name()?)))
}
