//! WebSockets for Python: native connections whose audio never meets it, and whose events reach the
//! loop through its port.

mod client;
mod connection;
mod input;
mod loop_sink;
mod server;
mod settings;
mod sink;

pub(crate) use client::_websocket_connect;
pub(crate) use connection::WebSocketConnection;
pub(crate) use input::AudioInput;
pub(crate) use server::{WebSocketRequest, WebSocketServer};
pub(crate) use settings::server as server_settings;
pub(crate) use sink::{WireOutput, sink_of};

use bytes::Bytes;
use pipecat_rs_wire::Message;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// A message as Python gives it: `str` or bytes.
pub(crate) fn message_of(data: &Bound<'_, PyAny>) -> PyResult<Message> {
    if let Ok(text) = data.cast::<PyString>() {
        return Ok(Message::Text(text.to_string()));
    }
    if let Ok(bytes) = data.extract::<&[u8]>() {
        return Ok(Message::Binary(Bytes::copy_from_slice(bytes)));
    }
    match data.extract::<Vec<u8>>() {
        Ok(bytes) => Ok(Message::Binary(bytes.into())),
        Err(_) => {
            Err(PyTypeError::new_err(format!("a message is str or bytes, not {}", data.get_type().name()?)))
        }
    }
}

/// A message as Python takes it.
pub(crate) fn object_of<'py>(py: Python<'py>, message: &Message) -> Bound<'py, PyAny> {
    match message {
        Message::Text(text) => PyString::new(py, text).into_any(),
        Message::Binary(bytes) => PyBytes::new(py, bytes).into_any(),
    }
}
