//! Connecting to a server, as Python awaits it.

use std::sync::Arc;

use pipecat_rs_transport::runtime;
use pipecat_rs_transport::websocket::connect;
use pyo3::exceptions::PyConnectionError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::connection::WebSocketConnection;
use super::settings;
use crate::host::graveyard::FrameObject;
use crate::host::port::LoopPort;

/// Connect to a WebSocket server. Returns a future of a `WebSocketConnection`, which fails with
/// `ConnectionError`. Cancelling it gives the connection up.
#[pyfunction]
pub(crate) fn _websocket_connect<'py>(
    py: Python<'py>,
    url: String,
    headers: Vec<(String, String)>,
    subprotocols: Vec<String>,
    options: &Bound<'_, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let (limits, tls) = settings::client(options)?;
    let loop_ = py.import("asyncio")?.call_method0("get_running_loop")?;
    let future = loop_.call_method0("create_future")?;
    let open = LoopPort::open(&loop_)?;
    let port = open.get().port();
    let kept = FrameObject::new(future.clone().unbind());
    let (loop_, open) = (FrameObject::new(loop_.unbind()), FrameObject::new(open.unbind().into_any()));
    runtime().spawn(async move {
        let connected = connect(&url, &headers, &subprotocols, Arc::new(limits), &tls).await;
        port.call(move |py| {
            let future = kept.get().bind(py);
            // A connection that nobody waits for any more closes when it is dropped here.
            if !future.call_method0("done")?.is_truthy()? {
                match connected {
                    Ok(connection) => {
                        let connection = WebSocketConnection::new(loop_.get().bind(py), connection)?;
                        future.call_method1("set_result", (connection,))?;
                    }
                    Err(error) => {
                        let error = PyConnectionError::new_err(format!("cannot connect to {url}: {error}"));
                        future.call_method1("set_exception", (error.into_value(py),))?;
                    }
                }
            }
            LoopPort::close(open.get().bind(py).cast()?)
        });
    });
    Ok(future)
}
