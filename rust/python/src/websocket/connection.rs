//! One connection, as Python holds it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipecat_rs_transport::websocket::{Closed, ClosedBy, Connection, Receiver, SendError};
use pipecat_rs_wire::Message;
use pyo3::exceptions::{PyBufferError, PyConnectionError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::input::AudioInput;
use super::{message_of, object_of};
use crate::host::graveyard::FrameObject;
use crate::host::port::{LoopPort, Port};

/// A WebSocket whose reading, writing and timing are native.
///
/// Nothing is read before `receive` or `receive_natively` says who listens.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct WebSocketConnection {
    connection: Connection,
    /// Set once somebody listens.
    switch: Mutex<Option<Arc<Switch>>>,
    port: Port,
    open: Mutex<Option<Py<LoopPort>>>,
}

impl WebSocketConnection {
    /// On the loop's thread.
    pub(crate) fn new(loop_: &Bound<'_, PyAny>, connection: Connection) -> PyResult<Self> {
        let open = LoopPort::open(loop_)?;
        let port = open.get().port();
        Ok(Self { connection, switch: Mutex::new(None), port, open: Mutex::new(Some(open.unbind())) })
    }

    pub(crate) fn inner(&self) -> Connection {
        self.connection.clone()
    }

    fn listen(&self, listening: Listening) {
        let mut switch = self.switch.lock().unwrap_or_else(PoisonError::into_inner);
        match &*switch {
            Some(switch) => switch.set(listening),
            None => {
                let made = Arc::new(Switch(Mutex::new(listening)));
                *switch = Some(Arc::clone(&made));
                self.connection.receive(made);
            }
        }
    }
}

/// Who listens.
enum Listening {
    /// Python, to whole messages.
    Messages(Messages),
    /// A native input.
    Native(Arc<dyn Receiver>),
}

impl Listening {
    fn receiver(&self) -> &dyn Receiver {
        match self {
            Self::Messages(messages) => messages,
            Self::Native(receiver) => &**receiver,
        }
    }
}

/// Hands on to whoever listens at the moment: first a bot that reads what kind of call this is, then
/// its pipeline.
struct Switch(Mutex<Listening>);

impl Switch {
    fn lock(&self) -> MutexGuard<'_, Listening> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What still waits for the loop goes to a native input before anything that comes after it.
    fn set(&self, listening: Listening) {
        let mut before = self.lock();
        if let (Listening::Messages(messages), Listening::Native(receiver)) = (&*before, &listening) {
            for message in messages.waiting.take() {
                receiver.message(message);
            }
        }
        *before = listening;
    }
}

/// Listens when all is over: what Python gave for it would keep itself alive.
struct Deaf;

impl Receiver for Deaf {
    fn message(&self, _message: Message) {}

    fn closed(&self, _closed: Closed) {}
}

impl Receiver for Switch {
    // Told under the lock: nothing may come between the last one who listened and the next.
    fn message(&self, message: Message) {
        self.lock().receiver().message(message);
    }

    fn closed(&self, closed: Closed) {
        self.lock().receiver().closed(closed);
    }
}

/// The bytes that may wait for a loop which does not come to take them.
const MOST_WAITING: usize = 8 << 20;

/// What waits for the loop.
#[derive(Default)]
struct Waiting(Mutex<(VecDeque<Message>, usize)>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<Message>, usize)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Add a message. False: too much waits already.
    fn push(&self, message: Message) -> bool {
        let mut waiting = self.lock();
        let bytes = waiting.1 + message.len();
        if bytes > MOST_WAITING {
            return false;
        }
        waiting.1 = bytes;
        waiting.0.push_back(message);
        true
    }

    fn pop(&self) -> Option<Message> {
        let mut waiting = self.lock();
        let message = waiting.0.pop_front()?;
        waiting.1 -= message.len();
        Some(message)
    }

    fn take(&self) -> VecDeque<Message> {
        std::mem::take(&mut *self.lock()).0
    }
}

/// Hands whole messages to Python.
struct Messages {
    connection: Connection,
    waiting: Arc<Waiting>,
    port: Port,
    on_message: Arc<FrameObject>,
    on_closed: Arc<FrameObject>,
}

impl Receiver for Messages {
    fn message(&self, message: Message) {
        if !self.waiting.push(message) {
            self.connection.close(1008, "too much waits to be read");
            return;
        }
        let (on_message, waiting) = (Arc::clone(&self.on_message), Arc::clone(&self.waiting));
        self.port.call(move |py| match waiting.pop() {
            Some(message) => on_message.get().call1(py, (object_of(py, &message),)).map(drop),
            None => Ok(()), // a native input has it
        });
    }

    fn closed(&self, closed: Closed) {
        tell_closed(&self.port, &self.on_closed, closed);
    }
}

/// Call `on_closed(code, reason, by)` on the loop.
pub(crate) fn tell_closed(port: &Port, on_closed: &Arc<FrameObject>, closed: Closed) {
    let on_closed = Arc::clone(on_closed);
    let by = match closed.kind {
        ClosedBy::Peer => "peer",
        ClosedBy::Us => "us",
        ClosedBy::Error => "error",
        ClosedBy::TimedOut => "timeout",
    };
    port.call(move |py| on_closed.get().call1(py, (closed.code, closed.reason, by)).map(drop));
}

#[pymethods]
impl WebSocketConnection {
    /// Address and port of the peer.
    #[getter]
    fn peer(&self) -> (String, u16) {
        let peer = self.connection.peer();
        (peer.ip().to_string(), peer.port())
    }

    /// What was asked for, with its query.
    #[getter]
    fn path(&self) -> &str {
        self.connection.path()
    }

    /// Headers of the handshake, in order.
    #[getter]
    fn headers(&self) -> Vec<(String, String)> {
        self.connection.headers().to_vec()
    }

    /// The subprotocol that was agreed on.
    #[getter]
    fn subprotocol(&self) -> Option<String> {
        self.connection.subprotocol().map(ToOwned::to_owned)
    }

    /// Whether messages can still be sent.
    #[getter]
    fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// Queue a message; never waits.
    ///
    /// Raises `BufferError` if the peer does not read and the queue is full, `ConnectionError` if it
    /// is gone.
    fn send(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.connection.send(message_of(data)?).map_err(|error| match error {
            SendError::Full(_) => PyBufferError::new_err("the peer does not read: its queue is full"),
            SendError::Closed => PyConnectionError::new_err("the connection is closed"),
        })
    }

    /// Begin the closing handshake; the connection is gone when it is over, or after its time-out.
    #[pyo3(signature = (code=1000, reason=""))]
    fn close(&self, code: u16, reason: &str) {
        self.connection.close(code, reason);
    }

    /// Begin to read, or read in this way from now on: `on_message(str | bytes)` for each message, then `on_closed(code, reason, by)`.
    fn receive(&self, on_message: Py<PyAny>, on_closed: Py<PyAny>) {
        self.listen(Listening::Messages(Messages {
            connection: self.connection.clone(),
            waiting: Arc::default(),
            port: self.port.clone(),
            on_message: Arc::new(FrameObject::new(on_message)),
            on_closed: Arc::new(FrameObject::new(on_closed)),
        }));
    }

    /// Begin to read, or read in this way from now on: audio goes straight into the pipeline.
    /// `backlog` is what was read before and belongs to it.
    #[pyo3(signature = (input, backlog=None))]
    fn receive_natively(
        &self,
        input: &Bound<'_, AudioInput>,
        backlog: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<()> {
        let receiver = input.get().receiver(&self.connection, &self.port).ok_or_else(|| {
            PyRuntimeError::new_err("an AudioInput receives from one connection; make another")
        })?;
        for message in backlog.unwrap_or_default() {
            receiver.message(message_of(&message)?);
        }
        self.listen(Listening::Native(receiver));
        Ok(())
    }

    /// Bytes and messages that went each way.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.connection.stats();
        let result = PyDict::new(py);
        result.set_item("bytes_in", stats.bytes_in)?;
        result.set_item("bytes_out", stats.bytes_out)?;
        result.set_item("messages_in", stats.messages_in)?;
        result.set_item("messages_out", stats.messages_out)?;
        result.set_item("queued_bytes", stats.queued_bytes)?;
        Ok(result)
    }

    /// Let go of the loop: nothing is told any more. On the loop's thread, once it is closed.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(switch) = &*self.switch.lock().unwrap_or_else(PoisonError::into_inner) {
            switch.set(Listening::Native(Arc::new(Deaf)));
        }
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        match open {
            Some(open) => LoopPort::close(open.bind(py)),
            None => Ok(()),
        }
    }
}
