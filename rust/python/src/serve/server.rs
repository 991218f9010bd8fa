//! A port with bots behind it, as Python opens it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipecat_rs_transport::runtime;
use pipecat_rs_transport::serve;
use pyo3::exceptions::{PyKeyError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::event_loop::AsyncioLoop;
use super::hooks::{Hook, PythonHooks};
use super::settings;
use crate::host::graveyard::FrameObject;
use crate::host::port::{LoopPort, Port};

/// A port, and a bot for each peer that is let in.
///
/// It belongs to the loop that it is made on, where its functions are called. Sessions run on the
/// loops that are added.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct SessionServer {
    server: Arc<serve::SessionServer>,
    port: Port,
    owner: Py<PyAny>,
    open: Mutex<Option<Py<LoopPort>>>,
    loops: Mutex<HashMap<usize, Py<LoopPort>>>,
    on_request: Hook,
    on_http: Hook,
}

impl SessionServer {
    fn loops(&self) -> MutexGuard<'_, HashMap<usize, Py<LoopPort>>> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A future of the owner's loop, set when something native is done.
    fn future<'py>(
        &self,
        py: Python<'py>,
        done: impl Future<Output = ()> + Send + 'static,
        then: impl FnOnce(Python<'_>) -> PyResult<()> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        let future = self.owner.bind(py).call_method0("create_future")?;
        let kept = FrameObject::new(future.clone().unbind());
        let port = self.port.clone();
        runtime().spawn(async move {
            done.await;
            port.call(move |py| {
                let future = kept.get().bind(py);
                if !future.call_method0("done")?.is_truthy()? {
                    future.call_method1("set_result", (py.None(),))?;
                }
                then(py)
            });
        });
        Ok(future)
    }
}

#[pymethods]
impl SessionServer {
    /// Listen. `on_request(HttpRequest)` decides who is let in, or everybody is; `on_http(HttpRequest)`
    /// answers other requests, or nobody does.
    ///
    /// Raises `OSError` if the address cannot be listened on, `ValueError` for settings that make no
    /// sense.
    #[new]
    #[pyo3(signature = (host, port, options, on_request=None, on_http=None))]
    fn new(
        py: Python<'_>,
        host: &str,
        port: u16,
        options: &Bound<'_, PyDict>,
        on_request: Option<Py<PyAny>>,
        on_http: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let settings = settings::read(options, host, port)?;
        let owner = py.import("asyncio")?.call_method0("get_running_loop")?;
        let open = LoopPort::open(&owner)?;
        let hook = |call: Option<Py<PyAny>>| -> Hook {
            Arc::new(Mutex::new(call.map(|call| Arc::new(FrameObject::new(call)))))
        };
        let (on_request, on_http) = (hook(on_request), hook(on_http));
        let loop_port = open.get().port();
        let hooks = PythonHooks {
            port: loop_port.clone(),
            on_request: Arc::clone(&on_request),
            on_http: Arc::clone(&on_http),
        };
        let listening =
            py.detach(|| serve::SessionServer::listen(runtime().handle(), settings, Box::new(hooks)));
        let server = match listening {
            Ok(server) => Arc::new(server),
            Err(error) => {
                LoopPort::close(&open)?;
                let what = format!("cannot listen on {host}:{port}: {error}");
                return Err(PyOSError::new_err((error.raw_os_error(), what)));
            }
        };
        Ok(Self {
            server,
            port: loop_port,
            owner: owner.unbind(),
            open: Mutex::new(Some(open.unbind())),
            loops: Mutex::default(),
            on_request,
            on_http,
        })
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.owner)
    }

    /// Address and port that it listens on.
    #[getter]
    fn local_address(&self) -> (String, u16) {
        let address = self.server.port().local_addr();
        (address.ip().to_string(), address.port())
    }

    /// Run sessions on the running loop too: `on_session(Session)` is called on it for each. Returns a
    /// number that names the loop.
    fn add_loop(&self, py: Python<'_>, on_session: Py<PyAny>) -> PyResult<usize> {
        let event_loop = py.import("asyncio")?.call_method0("get_running_loop")?;
        let open = LoopPort::open(&event_loop)?;
        let number = self.server.add_loop(Box::new(AsyncioLoop {
            port: open.get().port(),
            event_loop: Arc::new(FrameObject::new(event_loop.unbind())),
            on_session: Arc::new(FrameObject::new(on_session)),
        }));
        self.loops().insert(number, open.unbind());
        Ok(number)
    }

    /// Give a loop no more sessions. On that loop, when its sessions are over.
    ///
    /// Raises `KeyError` if there is no such loop.
    fn remove_loop(&self, py: Python<'_>, number: usize) -> PyResult<()> {
        let open = self.loops().remove(&number).ok_or_else(|| PyKeyError::new_err(number))?;
        self.server.remove_loop(number);
        LoopPort::close(open.bind(py))
    }

    /// Begin no more sessions. The port stays open, so that `/health` can say so.
    fn drain(&self) {
        self.server.drain();
    }

    /// Return a future that is done when no session runs.
    fn drained<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let server = Arc::clone(&self.server);
        self.future(py, async move { server.drained().await }, |_| Ok(()))
    }

    /// Free the port and close all connections, for `grace_secs` politely. The future that is
    /// returned is done when the last one is closed.
    fn close<'py>(&self, py: Python<'py>, grace_secs: f64) -> PyResult<Bound<'py, PyAny>> {
        let grace = settings::secs("grace_secs", pyo3::types::PyFloat::new(py, grace_secs).as_any())?;
        let server = Arc::clone(&self.server);
        let (on_request, on_http) = (Arc::clone(&self.on_request), Arc::clone(&self.on_http));
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        let open = open.map(|open| FrameObject::new(open.into_any()));
        self.future(py, async move { server.close(grace).await }, move |py| {
            for hook in [on_request, on_http] {
                drop(hook.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
            match open {
                Some(open) => LoopPort::close(open.get().bind(py).cast()?),
                None => Ok(()),
            }
        })
    }

    /// What `/health` answers.
    fn health(&self) -> String {
        self.server.health().json()
    }

    /// What `/metrics` answers.
    fn metrics(&self) -> String {
        self.server.metrics()
    }

    /// What was counted so far, by name.
    fn totals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let totals = PyDict::new(py);
        for (name, count) in self.server.totals() {
            totals.set_item(name, count)?;
        }
        Ok(totals)
    }
}
