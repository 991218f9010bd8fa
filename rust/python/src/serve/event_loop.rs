//! An asyncio loop that runs sessions.

use std::sync::Arc;
use std::time::Instant;

use pipecat_rs_transport::serve::{self, Pulse, SessionLoop};

use super::session::Session;
use crate::host::graveyard::FrameObject;
use crate::host::port::Port;

/// A loop, and what is called on it for each session.
pub(super) struct AsyncioLoop {
    pub(super) port: Port,
    pub(super) event_loop: Arc<FrameObject>,
    pub(super) on_session: Arc<FrameObject>,
}

impl SessionLoop for AsyncioLoop {
    fn take(&self, session: serve::Session) {
        let (event_loop, on_session) = (Arc::clone(&self.event_loop), Arc::clone(&self.on_session));
        self.port.call(move |py| {
            let session = Session::new(event_loop.get().bind(py), session)?;
            on_session.get().call1(py, (session,)).map(drop)
        });
    }

    fn ask(&self, pulse: Arc<Pulse>) {
        self.port.call(move |_| {
            pulse.answer(Instant::now());
            Ok(())
        });
    }
}
