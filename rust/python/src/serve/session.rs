//! A session, as the loop that runs its bot gets it.

use std::sync::PoisonError;

use pipecat_rs_transport::serve::{self, Outcome};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::host::graveyard::FrameObject;
use crate::websocket::WebSocketConnection;

/// A peer that was let in. Its place is free again when it is finished.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct Session {
    session: serve::Session,
    connection: Py<WebSocketConnection>,
    claims: Option<Py<PyAny>>,
}

impl Session {
    /// On the loop's thread.
    pub(super) fn new(event_loop: &Bound<'_, PyAny>, session: serve::Session) -> PyResult<Self> {
        let py = event_loop.py();
        let connection = WebSocketConnection::new(event_loop, session.connection.clone())?;
        let claims = session.claims.lock().unwrap_or_else(PoisonError::into_inner).take();
        let claims = claims.and_then(|claims| claims.downcast::<FrameObject>().ok());
        let claims = claims.map(|claims| claims.into_inner());
        Ok(Self { session, connection: Py::new(py, connection)?, claims })
    }
}

#[pymethods]
impl Session {
    /// Counts the sessions of a server, from 1.
    #[getter]
    fn id(&self) -> u64 {
        self.session.id
    }

    /// The peer.
    #[getter]
    fn connection(&self, py: Python<'_>) -> Py<WebSocketConnection> {
        self.connection.clone_ref(py)
    }

    /// What whoever let the peer in says of it.
    #[getter]
    fn claims(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.claims.as_ref().map(|claims| claims.clone_ref(py))
    }

    /// The bot has ended: `completed`, `failed` or `cancelled`. Said once; later words are not heard.
    ///
    /// Raises `ValueError` for another outcome.
    fn finish(&self, outcome: &str) -> PyResult<()> {
        self.session.finish(match outcome {
            "completed" => Outcome::Completed,
            "failed" => Outcome::Failed,
            "cancelled" => Outcome::Cancelled,
            _ => return Err(PyValueError::new_err(format!("{outcome:?} is no outcome of a session"))),
        });
        Ok(())
    }
}
