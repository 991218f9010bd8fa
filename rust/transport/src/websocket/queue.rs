//! What waits to be sent: bounded, and to be taken back until it is on its way.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use pipecat_rs_wire::Message;
use tokio::sync::Notify;

use super::connection::SendError;

/// A close that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: String,
}

/// What a message is, as far as the queue has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Played audio within the bounds: an interruption drops it.
    Audio,
    /// Played audio that goes in whatever is there.
    UrgentAudio,
    /// Anything else within the bounds.
    Data,
    /// An interruption or an answer: it goes in whatever is there.
    Urgent,
}

#[derive(Default)]
struct State {
    items: VecDeque<(Kind, Message)>,
    bytes: usize,
    /// Where the connection's task is woken, while it sleeps with nothing to send.
    sleeping: Option<Waker>,
    /// Whether somebody was told that the queue is full.
    awaited: bool,
    close: Option<Close>,
    aborted: bool,
    ended: bool,
}

/// The queue between those who send and the connection's task.
pub(super) struct SendQueue {
    state: Mutex<State>,
    room: Notify,
    max_messages: usize,
    max_bytes: usize,
}

impl SendQueue {
    pub(super) fn new(max_messages: usize, max_bytes: usize) -> Self {
        Self { state: Mutex::default(), room: Notify::new(), max_messages, max_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn full(&self, state: &State) -> bool {
        state.items.len() >= self.max_messages || state.bytes >= self.max_bytes
    }

    /// Queue a message, or give it back.
    pub(super) fn push(&self, kind: Kind, message: Message) -> Result<(), SendError> {
        let mut state = self.lock();
        if state.ended || state.aborted || state.close.is_some() {
            return Err(SendError::Closed);
        }
        let urgent = matches!(kind, Kind::Urgent | Kind::UrgentAudio);
        if !urgent && self.full(&state) {
            state.awaited = true;
            return Err(SendError::Full(message));
        }
        state.bytes += message.len();
        state.items.push_back((kind, message));
        wake(state);
        Ok(())
    }

    /// Whether [`push`](Self::push) would not say that it is full. Otherwise [`room`](Self::room)
    /// tells when it is worth another try.
    pub(super) fn has_room(&self) -> bool {
        let mut state = self.lock();
        let full = self.full(&state);
        state.awaited |= full;
        !full
    }

    /// Ready when there is room, or nothing can be sent any more.
    pub(super) async fn room(&self) {
        loop {
            // Registered before the look, so that room made in between is not missed.
            let mut notified = std::pin::pin!(self.room.notified());
            notified.as_mut().enable();
            if self.is_closing() || self.has_room() {
                return;
            }
            notified.await;
        }
    }

    /// Drop the audio that is not on its way.
    pub(super) fn discard_audio(&self) {
        let mut state = self.lock();
        state.items.retain(|(kind, _)| !matches!(kind, Kind::Audio | Kind::UrgentAudio));
        state.bytes = state.items.iter().map(|(_, message)| message.len()).sum();
        self.tell_room(state);
    }

    /// Move messages of about `bytes` to `batch`, one at least if there is one.
    pub(super) fn take(&self, bytes: usize, batch: &mut Vec<Message>) {
        let mut state = self.lock();
        let mut taken = 0;
        while taken < bytes {
            let Some((_, message)) = state.items.pop_front() else { break };
            taken += message.len().max(1);
            state.bytes -= message.len();
            batch.push(message);
        }
        if state.items.is_empty() && state.items.capacity() > 64 {
            state.items.shrink_to(16); // a burst's memory does not stay
        }
        self.tell_room(state);
    }

    fn tell_room(&self, mut state: MutexGuard<'_, State>) {
        if state.awaited && !self.full(&state) {
            state.awaited = false;
            drop(state);
            self.room.notify_waiters();
        }
    }

    /// Ask for the close handshake after what is queued. The first one counts.
    pub(super) fn close(&self, close: Close) {
        let mut state = self.lock();
        if state.close.is_none() && !state.ended {
            state.close = Some(close);
            wake(state);
            self.room.notify_waiters();
        }
    }

    /// Ask for the end at once.
    pub(super) fn abort(&self) {
        let mut state = self.lock();
        state.aborted = true;
        wake(state);
        self.room.notify_waiters();
    }

    /// Look at the connection again.
    pub(super) fn nudge(&self) {
        wake(self.lock());
    }

    /// Nothing goes in or out any more.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.items = VecDeque::new();
        state.bytes = 0;
        state.sleeping = None;
        drop(state);
        self.room.notify_waiters();
    }

    /// Be woken by the next one who wants something. `false`: there is something to send now.
    pub(super) fn sleep(&self, waker: &Waker, blocked: bool) -> bool {
        let mut state = self.lock();
        // A blocked socket wakes the task itself.
        if !blocked && !state.items.is_empty() {
            return false;
        }
        state.sleeping = Some(waker.clone());
        true
    }

    /// The close that was asked for, once what was queued before it has been taken.
    pub(super) fn due_close(&self) -> Option<Close> {
        let state = self.lock();
        if state.items.is_empty() { state.close.clone() } else { None }
    }

    pub(super) fn is_close_asked(&self) -> bool {
        self.lock().close.is_some()
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.lock().aborted
    }

    /// Whether nothing more is taken.
    pub(super) fn is_closing(&self) -> bool {
        let state = self.lock();
        state.ended || state.aborted || state.close.is_some()
    }

    /// Messages and bytes that wait.
    pub(super) fn depth(&self) -> (usize, usize) {
        let state = self.lock();
        (state.items.len(), state.bytes)
    }
}

/// Wake the task if it sleeps, outside of the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.sleeping.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
