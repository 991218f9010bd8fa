//! One live connection, whoever opened it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipecat_rs_wire::Message;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role as WsRole;

use super::capacity::Slot;
use super::closed::Closed;
use super::driver::{Driver, Guard, config};
use super::limits::Limits;
use super::queue::{Close, Kind, SendQueue};
use super::request::Request;
use super::stream::Stream;

/// Which side of a WebSocket this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It accepted.
    Server,
    /// It connected.
    Client,
}

/// Takes what comes, in order, one call at a time, on the runtime's threads: nothing here may block.
pub trait Receiver: Send + Sync + 'static {
    /// The peer sent a message.
    fn message(&self, message: Message);

    /// The connection is over. Called once, and nothing is called after it.
    fn closed(&self, closed: Closed);
}

/// Why a message was not queued.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SendError {
    /// The peer reads more slowly than it is sent to. The message comes back.
    #[error(
        "the send queue is full: the peer does not read fast enough; drop the message, or wait with send_wait"
    )]
    Full(Message),
    /// The connection is closed, or about to be.
    #[error("the connection is closed")]
    Closed,
}

/// What has passed, and what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages of data that were received.
    pub messages_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Messages of data that were given to the socket.
    pub messages_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Messages that wait to be sent.
    pub queued_messages: usize,
    /// Their bytes.
    pub queued_bytes: usize,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) messages_in: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) messages_out: AtomicU64,
    pub(super) bytes_out: AtomicU64,
}

/// Who is told, and what was to be told before there was anybody.
enum Listening {
    Nobody,
    Receiver(Arc<dyn Receiver>),
    Over(Closed),
    Told,
}

/// What the handles and the task of a connection share.
pub(super) struct Inner {
    request: Arc<Request>,
    subprotocol: Option<String>,
    pub(super) limits: Arc<Limits>,
    pub(super) queue: SendQueue,
    pub(super) counters: Counters,
    listening: Mutex<Listening>,
    handles: AtomicUsize,
}

impl Inner {
    fn listening(&self) -> MutexGuard<'_, Listening> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who takes what comes, if anybody does yet.
    pub(super) fn receiver(&self) -> Option<Arc<dyn Receiver>> {
        match &*self.listening() {
            Listening::Receiver(receiver) => Some(Arc::clone(receiver)),
            _ => None,
        }
    }

    /// It is over: tell it, once.
    pub(super) fn end(&self, closed: Closed) {
        self.queue.end();
        let mut listening = self.listening();
        let receiver = match std::mem::replace(&mut *listening, Listening::Told) {
            Listening::Nobody => {
                *listening = Listening::Over(closed);
                return;
            }
            Listening::Receiver(receiver) => receiver,
            over @ Listening::Over(_) => {
                *listening = over;
                return;
            }
            Listening::Told => return,
        };
        drop(listening);
        receiver.closed(closed);
    }
}

/// One live connection. A handle: clones are the same connection. It closes when every handle is
/// dropped before anybody received from it; after that it lives until it is closed.
pub struct Connection {
    inner: Arc<Inner>,
}

impl Connection {
    /// A connection over a byte stream whose handshake is done. Must be called within a tokio
    /// runtime, whose threads it then uses.
    pub async fn over<S>(
        stream: S,
        role: Role,
        request: Arc<Request>,
        subprotocol: Option<String>,
        limits: Arc<Limits>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let role = match role {
            Role::Server => WsRole::Server,
            Role::Client => WsRole::Client,
        };
        let stream = Stream::other(stream);
        let socket = WebSocketStream::from_raw_socket(stream, role, Some(config(&limits))).await;
        Self::start(socket, request, subprotocol, limits, None)
    }

    /// Start the task.
    pub(super) fn start(
        socket: WebSocketStream<Stream>,
        request: Arc<Request>,
        subprotocol: Option<String>,
        limits: Arc<Limits>,
        slot: Option<Slot>,
    ) -> Self {
        let inner = Arc::new(Inner {
            request,
            subprotocol,
            queue: SendQueue::new(limits.send_queue_messages, limits.send_queue_bytes),
            limits,
            counters: Counters::default(),
            listening: Mutex::new(Listening::Nobody),
            handles: AtomicUsize::new(0),
        });
        if let Some(slot) = &slot {
            slot.fill(Arc::clone(&inner));
        }
        let connection = Self::from(Arc::clone(&inner));
        tokio::spawn(Driver::run(socket, Guard(inner), slot));
        connection
    }

    /// The address that the socket is connected to.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.inner.request.peer
    }

    /// The path that was asked for, with its query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.inner.request.target
    }

    /// The headers that the peer sent: of its request, or of its answer. Names in lower case.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.inner.request.headers
    }

    /// The request that the connection began with.
    #[must_use]
    pub fn request(&self) -> &Arc<Request> {
        &self.inner.request
    }

    /// The subprotocol that was agreed.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.inner.subprotocol.as_deref()
    }

    /// Begin to read. Until then nothing is, and the peer's sends fill the network's buffers.
    /// A connection that is over already tells so from within this call.
    ///
    /// # Panics
    /// If it was called before.
    pub fn receive(&self, receiver: Arc<dyn Receiver>) {
        let mut listening = self.inner.listening();
        match std::mem::replace(&mut *listening, Listening::Told) {
            Listening::Nobody => *listening = Listening::Receiver(receiver),
            Listening::Over(closed) => {
                drop(listening);
                receiver.closed(closed);
                return;
            }
            other => {
                *listening = other;
                drop(listening);
                panic!("receive() is called once for a connection");
            }
        }
        drop(listening);
        self.inner.queue.nudge();
    }

    /// Queue a message. Never waits.
    ///
    /// # Errors
    /// If the queue is full, or the connection closed.
    pub fn send(&self, message: Message) -> Result<(), SendError> {
        self.inner.queue.push(Kind::Data, message)
    }

    /// Queue a message of played audio: [`discard_queued`](Self::discard_queued) takes it back
    /// while it waits. Never waits.
    ///
    /// # Errors
    /// If the queue is full, or the connection closed.
    pub fn send_audio(&self, message: Message) -> Result<(), SendError> {
        self.inner.queue.push(Kind::Audio, message)
    }

    /// Queue a message however full the queue is: for the few that must get through, such as an
    /// interruption.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn send_urgent(&self, message: Message) -> Result<(), SendError> {
        self.inner.queue.push(Kind::Urgent, message)
    }

    /// Queue a message of audio, however full the queue is.
    pub(super) fn push_audio(&self, message: Message) -> Result<(), SendError> {
        self.inner.queue.push(Kind::UrgentAudio, message)
    }

    /// Queue a message, and wait for room first, but for no longer than `patience`.
    ///
    /// # Errors
    /// If there was no room in time, or the connection is closed.
    pub async fn send_wait(&self, message: Message, patience: Duration) -> Result<(), SendError> {
        let mut message = message;
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            match self.send(message) {
                Err(SendError::Full(back)) => message = back,
                done => return done,
            }
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            if timeout(left, self.room()).await.is_err() {
                return self.send(message);
            }
        }
    }

    /// Whether a message would be queued now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.inner.queue.has_room()
    }

    /// Ready when there is room, or nothing can be sent any more.
    pub async fn room(&self) {
        self.inner.queue.room().await;
    }

    /// Drop the audio that waits to be sent.
    pub fn discard_queued(&self) {
        self.inner.queue.discard_audio();
    }

    /// Send what is queued, say goodbye, and end when the peer has too, or after
    /// [`Limits::close_timeout`]. Nothing is received or queued any more. A code that may not be
    /// sent becomes 1000, and a long reason is cut to 123 bytes.
    pub fn close(&self, code: u16, reason: &str) {
        self.inner.queue.close(Close { code, reason: reason.to_owned() });
    }

    /// End at once, without a goodbye.
    pub fn abort(&self) {
        self.inner.queue.abort();
    }

    /// Whether messages can be queued.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.inner.queue.is_closing()
    }

    /// What has passed, and what waits.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (queued_messages, queued_bytes) = self.inner.queue.depth();
        let counters = &self.inner.counters;
        Stats {
            messages_in: counters.messages_in.load(Ordering::Relaxed),
            bytes_in: counters.bytes_in.load(Ordering::Relaxed),
            messages_out: counters.messages_out.load(Ordering::Relaxed),
            bytes_out: counters.bytes_out.load(Ordering::Relaxed),
            queued_messages,
            queued_bytes,
        }
    }

    /// Whether both are handles of one connection.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl From<Arc<Inner>> for Connection {
    fn from(inner: Arc<Inner>) -> Self {
        inner.handles.fetch_add(1, Ordering::Relaxed);
        Self { inner }
    }
}

impl Clone for Connection {
    fn clone(&self) -> Self {
        Self::from(Arc::clone(&self.inner))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let last = self.inner.handles.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && matches!(*self.inner.listening(), Listening::Nobody) {
            self.close(1001, "nobody took the connection");
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer())
            .field("path", &self.path())
            .field("open", &self.is_open())
            .finish()
    }
}

/// The address of a peer that has none.
pub(super) const NO_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
