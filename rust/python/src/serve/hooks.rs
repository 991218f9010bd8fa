//! What Python decides: who comes in, and what is answered.

use std::sync::{Arc, Mutex, PoisonError};

use pipecat_rs_transport::serve::{Hooks, Verdict};
use pipecat_rs_transport::websocket::{BoxFuture, Request, Response};
use tokio::sync::oneshot;

use super::request::{HttpRequest, Reply};
use crate::host::graveyard::FrameObject;
use crate::host::port::Port;

/// A function of Python, until the server is closed.
pub(super) type Hook = Arc<Mutex<Option<Arc<FrameObject>>>>;

/// Functions that are called on the loop of the server's owner.
pub(super) struct PythonHooks {
    pub(super) port: Port,
    pub(super) on_request: Hook,
    pub(super) on_http: Hook,
}

impl PythonHooks {
    fn call(&self, hook: &Arc<FrameObject>, request: Request, reply: Reply) {
        let hook = Arc::clone(hook);
        self.port.call(move |py| hook.get().call1(py, (HttpRequest::new(request, reply),)).map(drop));
    }
}

fn now(hook: &Hook) -> Option<Arc<FrameObject>> {
    hook.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Hooks for PythonHooks {
    fn authorize(&self, request: Arc<Request>) -> BoxFuture<'_, Verdict> {
        let Some(hook) = now(&self.on_request) else {
            let subprotocol = request.subprotocols().next().map(ToOwned::to_owned);
            return Box::pin(std::future::ready(Verdict::Admit { subprotocol, claims: None }));
        };
        let (reply, answer) = oneshot::channel();
        // A copy: Python may keep it, and the place is held for as long as the original lives.
        self.call(&hook, Request::clone(&request), Reply::Admission(reply));
        Box::pin(async move {
            let nobody = Verdict::Refuse(Response::text(503, "nobody decides on this request\n"));
            answer.await.unwrap_or(nobody)
        })
    }

    fn http(&self, request: Request) -> BoxFuture<'_, Option<Response>> {
        let Some(hook) = now(&self.on_http) else {
            return Box::pin(std::future::ready(None));
        };
        let (reply, answer) = oneshot::channel();
        self.call(&hook, request, Reply::Page(reply));
        Box::pin(async move { answer.await.unwrap_or_default() })
    }
}
