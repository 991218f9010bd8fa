//! A sink whose socket belongs to Python: what is played waits here, encoded, until the loop has
//! sent what came before.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pipecat_rs_transport::websocket::SharedSerializer;
use pipecat_rs_transport::{Refusal, Sink};
use pipecat_rs_wire::{Audio, Message};
use tokio::sync::Notify;

use crate::host::graveyard::FrameObject;
use crate::host::port::Port;

/// Messages that may wait: the loop may be late by so many chunks before the player waits for it.
const MOST_WAITING: usize = 50;

#[derive(Default)]
struct State {
    /// Whether it is audio, which an interruption drops, and the message.
    waiting: VecDeque<(bool, Message)>,
    /// Whether the loop has been told that there is something.
    told: bool,
    closed: bool,
}

/// The queue between a player and a loop that sends.
pub(super) struct LoopSink {
    state: Mutex<State>,
    room: Notify,
    serializer: SharedSerializer,
    sample_rate: u32,
    channels: u32,
    port: Port,
    /// Called on the loop when something waits and nothing did.
    on_ready: Arc<FrameObject>,
}

impl LoopSink {
    pub(super) fn new(
        serializer: SharedSerializer,
        sample_rate: u32,
        channels: u32,
        port: Port,
        on_ready: Arc<FrameObject>,
    ) -> Self {
        let (state, room) = (Mutex::default(), Notify::new());
        Self { state, room, serializer, sample_rate, channels, port, on_ready }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queue a message; false once it is closed.
    pub(super) fn push(&self, is_audio: bool, message: Message) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        state.waiting.push_back((is_audio, message));
        let tell = !std::mem::replace(&mut state.told, true);
        drop(state);
        if tell {
            let on_ready = Arc::clone(&self.on_ready);
            self.port.call(move |py| on_ready.get().call0(py).map(drop));
        }
        true
    }

    /// The next message, on the loop. `None`: it will be told of the next one.
    pub(super) fn take(&self) -> Option<Message> {
        let mut state = self.lock();
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.told = false;
        }
        drop(state);
        self.room.notify_waiters();
        next.map(|(_, message)| message)
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        drop(state);
        self.room.notify_waiters();
    }
}

impl Sink for LoopSink {
    fn try_write(&self, chunk: Bytes) -> Result<(), Refusal> {
        let mut serializer = self.serializer.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked first: a serializer has state, and must not be given a chunk twice.
        {
            let state = self.lock();
            if state.closed {
                return Err(Refusal::Closed);
            }
            if state.waiting.len() >= MOST_WAITING {
                return Err(Refusal::Full(chunk));
            }
        }
        let audio = Audio { samples: chunk, sample_rate: self.sample_rate, channels: self.channels };
        match serializer.audio(&audio) {
            Ok(Some(message)) => match self.push(true, message) {
                true => Ok(()),
                false => Err(Refusal::Closed),
            },
            Ok(None) => Ok(()),
            Err(error) => Err(Refusal::Failed(error.to_string())),
        }
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            loop {
                // Registered before the look, so that room made in between is not missed.
                let mut notified = std::pin::pin!(self.room.notified());
                notified.as_mut().enable();
                let free = {
                    let state = self.lock();
                    state.closed || state.waiting.len() < MOST_WAITING
                };
                if free {
                    return;
                }
                notified.await;
            }
        })
    }

    fn interrupt(&self) {
        let mut serializer = self.serializer.lock().unwrap_or_else(PoisonError::into_inner);
        self.lock().waiting.retain(|(is_audio, _)| !is_audio);
        if let Some(message) = serializer.interruption() {
            self.push(false, message);
        }
    }
}
