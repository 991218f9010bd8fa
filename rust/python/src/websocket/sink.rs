//! Where a native player writes: whichever connection is attached at the moment.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pipecat_rs_transport::websocket::{Connection, WireSink};
use pipecat_rs_transport::{Refusal, Sink};
use pipecat_rs_wire::{Message, Rates};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::connection::WebSocketConnection;
use super::message_of;
use crate::media::AudioCollector;
use crate::wire::WireSerializer;

/// A sink that has a connection or has none, as clients come and go.
#[derive(Default)]
struct Attached(Mutex<Option<(Connection, Arc<WireSink>)>>);

impl Attached {
    fn get(&self) -> Option<(Connection, Arc<WireSink>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sink(&self) -> Option<Arc<WireSink>> {
        self.get().map(|(_, sink)| sink)
    }

    /// Send a message to whoever is there.
    fn send(&self, message: Message) -> bool {
        // A peer that takes nothing more is told of by the audio behind this.
        self.get().is_some_and(|(connection, _)| connection.send(message).is_ok())
    }
}

impl Sink for Attached {
    fn try_write(&self, chunk: Bytes) -> Result<(), Refusal> {
        self.sink().ok_or(Refusal::Closed)?.try_write(chunk)
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            if let Some(sink) = self.sink() {
                sink.room().await;
            }
        })
    }

    fn interrupt(&self) {
        if let Some(sink) = self.sink() {
            sink.interrupt();
        }
    }
}

/// The output side of a connection in one wire format.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct WireOutput {
    attached: Arc<Attached>,
    sample_rate: u32,
    channels: u32,
}

#[pymethods]
impl WireOutput {
    /// For audio of this rate (Hz) and number of channels.
    #[new]
    fn new(sample_rate: u32, channels: u32) -> Self {
        Self { attached: Arc::default(), sample_rate, channels }
    }

    /// Send to a connection from now on, in a serializer's format.
    fn attach(
        &self,
        connection: &Bound<'_, WebSocketConnection>,
        serializer: &Bound<'_, WireSerializer>,
        input_rate: u32,
    ) {
        let serializer = serializer.get().shared();
        let rates = Rates { input: input_rate, output: self.sample_rate };
        serializer.lock().unwrap_or_else(PoisonError::into_inner).set_rates(rates);
        let connection = connection.get().inner();
        let sink = WireSink::new(connection.clone(), serializer, self.sample_rate, self.channels);
        *self.attached.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((connection, Arc::new(sink)));
    }

    /// Nobody is there any more: what is played goes nowhere.
    fn detach(&self) {
        *self.attached.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Send a message now, if somebody is there.
    fn send(&self, data: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.attached.send(message_of(data)?))
    }
}

impl WireOutput {
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
    let kind = object.get_type();
    Err(PyTypeError::new_err(format!("a playout writes to a native sink, not to {}", kind.name()?)))
}
