//! A request that Python answers.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use pipecat_rs_transport::serve::Verdict;
use pipecat_rs_transport::websocket::{Request, Response};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::sync::oneshot;

use crate::host::graveyard::FrameObject;

/// Who waits for the answer.
pub(super) enum Reply {
    /// A peer that wants a WebSocket.
    Admission(oneshot::Sender<Verdict>),
    /// One that wants a page.
    Page(oneshot::Sender<Option<Response>>),
}

/// An HTTP request: of a peer that wants a WebSocket, or any other.
///
/// One that is never answered is refused when its time is over.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct HttpRequest {
    request: Request,
    reply: Mutex<Option<Reply>>,
    wants_websocket: bool,
}

impl HttpRequest {
    pub(super) fn new(request: Request, reply: Reply) -> Self {
        let wants_websocket = matches!(reply, Reply::Admission(_));
        Self { request, reply: Mutex::new(Some(reply)), wants_websocket }
    }

    fn take(&self) -> Option<Reply> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl HttpRequest {
    /// Address and port of the peer.
    #[getter]
    fn peer(&self) -> (String, u16) {
        (self.request.peer.ip().to_string(), self.request.peer.port())
    }

    /// `GET`, `POST`.
    #[getter]
    fn method(&self) -> &str {
        &self.request.method
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

    /// What was sent along.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.request.body)
    }

    /// Whether the peer wants a WebSocket.
    #[getter]
    fn wants_websocket(&self) -> bool {
        self.wants_websocket
    }

    /// The subprotocols on offer, the best one first.
    #[getter]
    fn subprotocols(&self) -> Vec<String> {
        self.request.subprotocols().map(ToOwned::to_owned).collect()
    }

    /// Let the peer in; `claims` is what its session is told of it.
    ///
    /// Raises `RuntimeError` if it wants no WebSocket.
    #[pyo3(signature = (subprotocol=None, claims=None))]
    fn accept(&self, subprotocol: Option<String>, claims: Option<Py<PyAny>>) -> PyResult<()> {
        if !self.wants_websocket {
            return Err(PyRuntimeError::new_err("this request wants no WebSocket: respond to it"));
        }
        let claims = claims.map(|claims| Box::new(FrameObject::new(claims)) as _);
        if let Some(Reply::Admission(reply)) = self.take() {
            // The peer may have gone meanwhile; nor below.
            let _gone = reply.send(Verdict::Admit { subprotocol, claims });
        }
        Ok(())
    }

    /// Answer; a peer that wants a WebSocket gets none.
    #[pyo3(signature = (status, headers=vec![], body=vec![]))]
    fn respond(&self, status: u16, headers: Vec<(String, String)>, body: Vec<u8>) {
        let response = Response { status, headers, body: Bytes::from(body) };
        match self.take() {
            Some(Reply::Admission(reply)) => drop(reply.send(Verdict::Refuse(response))),
            Some(Reply::Page(reply)) => drop(reply.send(Some(response))),
            None => {}
        }
    }

    /// Say that there is nothing at this path.
    fn ignore(&self) {
        match self.take() {
            Some(Reply::Admission(reply)) => {
                drop(reply.send(Verdict::Refuse(Response::text(404, "there is nothing here\n"))));
            }
            Some(Reply::Page(reply)) => drop(reply.send(None)),
            None => {}
        }
    }
}
