//! A server's port, as Python opens it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pipecat_rs_transport::runtime;
use pipecat_rs_transport::websocket::{Admission, BoxFuture, Connection, Handler, Request, Response, Server};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::sync::oneshot;

use super::connection::WebSocketConnection;
use super::settings;
use crate::host::graveyard::FrameObject;
use crate::host::port::{LoopPort, Port};

/// A request for a WebSocket, to be admitted or not.
///
/// Whoever is never answered is refused when the handshake's time is over.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct WebSocketRequest {
    request: Arc<Request>,
    reply: Mutex<Option<oneshot::Sender<Admission>>>,
}

#[pymethods]
impl WebSocketRequest {
    /// Address and port of the peer.
    #[getter]
    fn peer(&self) -> (String, u16) {
        (self.request.peer.ip().to_string(), self.request.peer.port())
    }

    /// What is asked for, with its query.
    #[getter]
    fn path(&self) -> &str {
        &self.request.target
    }

    /// Headers, in order, with their names in lower case.
    #[getter]
    fn headers(&self) -> Vec<(String, String)> {
        self.request.headers.clone()
    }

    /// The subprotocols on offer, the best one first.
    #[getter]
    fn subprotocols(&self) -> Vec<String> {
        self.request.subprotocols().map(ToOwned::to_owned).collect()
    }

    /// Let the peer in.
    #[pyo3(signature = (subprotocol=None))]
    fn accept(&self, subprotocol: Option<String>) {
        self.answer(Admission::Accept { subprotocol });
    }

    /// Send the peer away.
    #[pyo3(signature = (status=403, body="forbidden"))]
    fn reject(&self, status: u16, body: &str) {
        self.answer(Admission::Reject(Response::text(status, body)));
    }
}

impl WebSocketRequest {
    fn answer(&self, admission: Admission) {
        if let Some(reply) = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The peer may have gone meanwhile.
            let _gone = reply.send(admission);
        }
    }
}

struct Doorman {
    port: Port,
    loop_: Arc<FrameObject>,
    on_connection: Arc<FrameObject>,
    on_request: Option<Arc<FrameObject>>,
}

impl Handler for Doorman {
    fn admit(&self, request: Arc<Request>) -> BoxFuture<'_, Admission> {
        let Some(on_request) = self.on_request.clone() else {
            return Box::pin(std::future::ready(Admission::Accept {
                subprotocol: request.subprotocols().next().map(ToOwned::to_owned),
            }));
        };
        let (reply, answer) = oneshot::channel();
        self.port.call(move |py| {
            let asked = WebSocketRequest { request, reply: Mutex::new(Some(reply)) };
            on_request.get().call1(py, (asked,)).map(drop)
        });
        Box::pin(async move {
            let nobody = Admission::Reject(Response::text(503, "nobody decides on this request"));
            answer.await.unwrap_or(nobody)
        })
    }

    fn connected(&self, connection: Connection) {
        let (on_connection, loop_) = (Arc::clone(&self.on_connection), Arc::clone(&self.loop_));
        self.port.call(move |py| {
            let connection = WebSocketConnection::new(loop_.get().bind(py), connection)?;
            on_connection.get().call1(py, (connection,)).map(drop)
        });
    }

    fn http(&self, _request: Request) -> BoxFuture<'_, Option<Response>> {
        Box::pin(std::future::ready(None))
    }
}

/// A listening port for WebSockets.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct WebSocketServer {
    server: Arc<Server>,
    port: Port,
    loop_: Py<PyAny>,
    open: Mutex<Option<Py<LoopPort>>>,
}

#[pymethods]
impl WebSocketServer {
    /// Listen, and call `on_connection(WebSocketConnection)` on the loop for each peer that is let in;
    /// `on_request(WebSocketRequest)` decides who is, or everybody is.
    ///
    /// Raises `OSError` if the address cannot be listened on, `ValueError` for settings that make no
    /// sense.
    #[new]
    #[pyo3(signature = (host, port, options, on_connection, on_request=None))]
    fn new(
        py: Python<'_>,
        host: &str,
        port: u16,
        options: &Bound<'_, PyDict>,
        on_connection: Py<PyAny>,
        on_request: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let settings = settings::server(options, host, port)?;
        let loop_ = py.import("asyncio")?.call_method0("get_running_loop")?;
        let open = LoopPort::open(&loop_)?;
        let doorman = Doorman {
            port: open.get().port(),
            loop_: Arc::new(FrameObject::new(loop_.clone().unbind())),
            on_connection: Arc::new(FrameObject::new(on_connection)),
            on_request: on_request.map(|call| Arc::new(FrameObject::new(call))),
        };
        let listening = py.detach(|| Server::listen(runtime().handle(), settings, Arc::new(doorman)));
        let server = match listening {
            Ok(server) => Arc::new(server),
            Err(error) => {
                LoopPort::close(&open)?;
                let what = format!("cannot listen on {host}:{port}: {error}");
                return Err(PyOSError::new_err((error.raw_os_error(), what)));
            }
        };
        let port = open.get().port();
        Ok(Self { server, port, loop_: loop_.unbind(), open: Mutex::new(Some(open.unbind())) })
    }

    /// Address and port that it listens on.
    #[getter]
    fn local_address(&self) -> (String, u16) {
        let address = self.server.local_addr();
        (address.ip().to_string(), address.port())
    }

    /// How many connections are open.
    #[getter]
    fn connections(&self) -> usize {
        self.server.stats().connections
    }

    /// Let nobody in any more. Who is there stays.
    fn stop_accepting(&self) {
        self.server.stop_accepting();
    }

    /// Close the port and, politely for `grace_secs` at most, all connections. The future that is
    /// returned is done when nothing is left.
    fn close<'py>(slf: &Bound<'py, Self>, grace_secs: f64) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let grace = Duration::try_from_secs_f64(grace_secs)
            .map_err(|error| PyValueError::new_err(format!("grace_secs: {error}")))?;
        let future = this.loop_.bind(py).call_method0("create_future")?;
        let kept = FrameObject::new(future.clone().unbind());
        let open = this.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        let open = open.map(|open| FrameObject::new(open.into_any()));
        let (server, port) = (Arc::clone(&this.server), this.port.clone());
        runtime().spawn(async move {
            server.close(grace).await;
            port.call(move |py| {
                let future = kept.get().bind(py);
                if !future.call_method0("done")?.is_truthy()? {
                    future.call_method1("set_result", (py.None(),))?;
                }
                match open {
                    Some(open) => LoopPort::close(open.get().bind(py).cast()?),
                    None => Ok(()),
                }
            });
        });
        Ok(future)
    }
}
