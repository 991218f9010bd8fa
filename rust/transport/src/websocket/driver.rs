//! A connection's task: what is queued goes out, what comes goes to the receiver, and time passes.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream as _};
use pipecat_rs_wire::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message as WsMessage, Utf8Bytes};

use super::capacity::Slot;
use super::closed::{Closed, ClosedBy, Ending};
use super::connection::{Inner, Receiver};
use super::limits::Limits;
use super::queue::Close;
use super::rate::TokenBucket;
use super::stream::Stream;
use super::watchdog::{Due, Watchdog};

/// Read at once: a few messages of 20 ms. Kept for each connection, so small.
const READ_BUFFER: usize = 4 << 10;
/// Written at once, if that much waits. What is more can still be taken back.
const BATCH: usize = 16 << 10;
/// Messages that are received before others have their turn.
const TURN: usize = 64;
/// What is read and dropped after a goodbye, so that the peer gets to read it.
const LINGER: usize = 4 << 20;

/// How a connection's messages are parsed and buffered.
pub(super) fn config(limits: &Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(2 * BATCH) // written when flushed: one write for a batch
        .max_message_size(Some(limits.max_message))
        .max_frame_size(Some(limits.max_frame))
}

/// Tells the end of a task that did not get to tell it: the runtime was shut down, or a receiver
/// panicked.
pub(super) struct Guard(pub(super) Arc<Inner>);

impl Drop for Guard {
    fn drop(&mut self) {
        let closed = Closed {
            code: None,
            reason: "the connection's task was dropped".to_owned(),
            kind: ClosedBy::Error,
            clean: false,
        };
        let end = std::panic::AssertUnwindSafe(|| self.0.end(closed));
        let _second_panic_says_no_more = std::panic::catch_unwind(end);
    }
}

/// The state of a connection's task.
pub(super) struct Driver {
    socket: WebSocketStream<Stream>,
    inner: Arc<Inner>,
    receiver: Option<Arc<dyn Receiver>>,
    rate: Option<TokenBucket>,
    watchdog: Watchdog,
    alarm: Pin<Box<Sleep>>,
    batch: Vec<Message>,
    unflushed: bool,
    written: u64,
    /// Whether a close was asked for: there is a deadline now.
    closing: bool,
    /// Our close frame, once it is on its way.
    goodbye: Option<Close>,
    /// The peer's.
    heard_goodbye: Option<(Option<u16>, String)>,
    _slot: Option<Slot>,
}

impl Driver {
    /// Serve a connection to its end.
    pub(super) async fn run(socket: WebSocketStream<Stream>, guard: Guard, slot: Option<Slot>) {
        let inner = Arc::clone(&guard.0);
        let limits = &inner.limits;
        let now = Instant::now();
        let driver = Self {
            socket,
            receiver: None,
            rate: limits
                .max_messages_per_second
                .map(|rate| TokenBucket::new(rate, limits.message_burst, now)),
            watchdog: Watchdog::new(now),
            alarm: Box::pin(sleep_until(now + Duration::from_secs(3600))),
            batch: Vec::new(),
            unflushed: false,
            written: 0,
            closing: false,
            goodbye: None,
            heard_goodbye: None,
            _slot: slot,
            inner,
        };
        driver.serve().await;
    }

    async fn serve(mut self) {
        let ending = poll_fn(|cx| self.poll(cx)).await;
        self.end(ending.closed.clone());
        if !ending.farewell && !ending.closed.clean {
            return;
        }
        // Told first, tidied up after: whoever waits for the end need not wait for the peer.
        let patience = self.inner.limits.close_timeout;
        let code = CloseCode::from(ending.closed.code.unwrap_or(1002));
        let frame = CloseFrame { code, reason: cut(ending.closed.reason).into() };
        let _gone_is_fine = timeout(patience, self.say_goodbye(ending.farewell.then_some(frame))).await;
    }

    async fn say_goodbye(&mut self, farewell: Option<CloseFrame>) {
        if let Some(frame) = farewell
            && self.socket.close(Some(frame)).await.is_err()
        {
            return;
        }
        let stream = self.socket.get_mut();
        if stream.shutdown().await.is_err() {
            return;
        }
        // A socket that is closed with bytes unread resets, and the peer loses our last words.
        let mut left = LINGER;
        let mut dropped = [0; 1 << 10];
        while let Ok(count @ 1..) = stream.read(&mut dropped).await {
            let Some(rest) = left.checked_sub(count) else { return };
            left = rest;
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        match self.turn(cx) {
            Ok(()) => Poll::Pending,
            Err(ending) => Poll::Ready(ending),
        }
    }

    /// Do what can be done now.
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        loop {
            if self.inner.queue.is_aborted() {
                let reason = "aborted".to_owned();
                let closed = Closed { code: None, reason, kind: ClosedBy::Us, clean: false };
                return Err(Ending { closed, farewell: false });
            }
            self.write(cx)?;
            self.read(cx)?;
            self.time(cx)?;
            // What the receiver answered goes out in this turn, without another wake-up.
            let stuck = self.unflushed || self.goodbye.is_some() || self.heard_goodbye.is_some();
            if self.inner.queue.sleep(cx.waker(), stuck) && !self.has_news(stuck) {
                return Ok(());
            }
        }
    }

    /// Whether something was asked for after this turn looked, and before it could be woken.
    fn has_news(&self, stuck: bool) -> bool {
        let queue = &self.inner.queue;
        let close = queue.is_close_asked() && (!self.closing || !stuck);
        close || queue.is_aborted() || (self.receiver.is_none() && self.inner.receiver().is_some())
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        loop {
            if self.unflushed {
                let flushed = Pin::new(&mut self.socket).poll_flush(cx);
                self.note_progress();
                match flushed {
                    Poll::Pending => break,
                    Poll::Ready(Ok(())) => self.unflushed = false,
                    Poll::Ready(Err(error)) => return Err(self.ending(error)),
                }
            }
            if self.goodbye.is_some() || self.heard_goodbye.is_some() {
                break;
            }
            self.inner.queue.take(BATCH, &mut self.batch);
            if !self.batch.is_empty() {
                self.watchdog.active(Instant::now());
                let mut batch = std::mem::take(&mut self.batch);
                for message in batch.drain(..) {
                    let counters = &self.inner.counters;
                    counters.messages_out.fetch_add(1, Relaxed);
                    counters.bytes_out.fetch_add(message.len() as u64, Relaxed);
                    let message = match message {
                        Message::Text(text) => WsMessage::Text(Utf8Bytes::from(text)),
                        Message::Binary(bytes) => WsMessage::Binary(bytes),
                    };
                    self.start(message)?;
                }
                self.batch = batch;
                continue;
            }
            let Some(close) = self.inner.queue.due_close() else { break };
            let code = CloseCode::from(close.code);
            let code = if code.is_allowed() { code } else { CloseCode::Normal };
            let frame = CloseFrame { code, reason: cut(close.reason.clone()).into() };
            self.start(WsMessage::Close(Some(frame)))?;
            self.goodbye = Some(Close { code: code.into(), reason: close.reason });
        }
        if !self.closing && self.inner.queue.is_close_asked() {
            self.closing = true;
            self.watchdog.closing(Instant::now());
        }
        Ok(())
    }

    fn start(&mut self, message: WsMessage) -> Result<(), Ending> {
        self.unflushed = true;
        let started = Pin::new(&mut self.socket).start_send(message);
        started.map_err(|error| self.ending(error))
    }

    fn note_progress(&mut self) {
        let stream = self.socket.get_ref();
        let (written, blocked) = (stream.written(), stream.is_blocked());
        self.watchdog.writing(blocked, written != self.written, Instant::now());
        self.written = written;
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        if self.receiver.is_none() {
            self.receiver = self.inner.receiver();
            if self.receiver.is_some() {
                let now = Instant::now();
                self.watchdog.heard(now);
                self.watchdog.active(now);
            } else if self.goodbye.is_none() {
                return Ok(());
            }
        }
        for _ in 0..TURN {
            let read = Pin::new(&mut self.socket).poll_next(cx);
            let message = match read {
                Poll::Pending => {
                    // Reading also writes: pongs, and the answer to a goodbye.
                    if self.socket.get_ref().is_blocked() || self.written != self.socket.get_ref().written() {
                        self.note_progress();
                    }
                    return Ok(());
                }
                Poll::Ready(None) => return Err(self.ending(Error::ConnectionClosed)),
                Poll::Ready(Some(Err(error))) => return Err(self.ending(error)),
                Poll::Ready(Some(Ok(message))) => message,
            };
            self.take(message)?;
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Take one message of the peer.
    fn take(&mut self, message: WsMessage) -> Result<(), Ending> {
        let now = Instant::now();
        self.watchdog.heard(now);
        if let Some(rate) = &mut self.rate
            && !rate.take(now)
        {
            let most = self.inner.limits.max_messages_per_second.unwrap_or_default();
            return Err(Ending::violation(1008, format!("more than {most} messages in a second")));
        }
        let message = match message {
            WsMessage::Binary(bytes) => Message::Binary(bytes),
            WsMessage::Text(text) => Message::Text(text.as_str().to_owned()),
            WsMessage::Close(frame) => {
                let (code, reason) = frame.map_or((None, String::new()), |frame| {
                    (Some(u16::from(frame.code)), frame.reason.as_str().to_owned())
                });
                self.heard_goodbye = Some((code, reason));
                self.watchdog.closing(now);
                return Ok(());
            }
            WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_) => return Ok(()),
        };
        self.watchdog.active(now);
        self.inner.counters.messages_in.fetch_add(1, Relaxed);
        self.inner.counters.bytes_in.fetch_add(message.len() as u64, Relaxed);
        if let Some(receiver) = &self.receiver
            && !self.inner.queue.is_close_asked()
        {
            receiver.message(message);
        }
        Ok(())
    }

    fn time(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        loop {
            // The alarm is early rather than exact: setting it for each message would cost more.
            if let Some(deadline) = self.watchdog.deadline(&self.inner.limits)
                && deadline < self.alarm.deadline()
            {
                self.alarm.as_mut().reset(deadline);
            }
            if self.alarm.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
            let now = Instant::now();
            match self.watchdog.due(&self.inner.limits, now) {
                Due::Nothing => {}
                Due::Ping => {
                    self.start(WsMessage::Ping(Bytes::new()))?;
                    self.write(cx)?;
                }
                Due::End(ending) => return Err(self.told(ending)),
            }
            let far = now + Duration::from_secs(3600);
            self.alarm.as_mut().reset(self.watchdog.deadline(&self.inner.limits).unwrap_or(far));
        }
    }

    /// What an error of the socket means for the connection.
    fn ending(&self, error: Error) -> Ending {
        let ending = match error {
            Error::ConnectionClosed | Error::AlreadyClosed => {
                Ending { closed: self.both_said_goodbye(), farewell: false }
            }
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Ending::lost("the peer closed the connection without a close frame")
            }
            Error::Capacity(error) => Ending::violation(1009, error.to_string()),
            Error::Utf8(_) => Ending::violation(1007, "text that is not UTF-8"),
            Error::Protocol(error) => Ending::violation(1002, error.to_string()),
            Error::Io(error) => Ending::lost(error.to_string()),
            other => Ending::violation(1011, other.to_string()),
        };
        self.told(ending)
    }

    /// An end after a goodbye is that goodbye's, however it came about.
    fn told(&self, ending: Ending) -> Ending {
        if ending.closed.clean {
            return ending;
        }
        let (code, reason, kind) = match (&self.goodbye, &self.heard_goodbye) {
            (None, Some((code, reason))) => (*code, reason.clone(), ClosedBy::Peer),
            (Some(close), _) => (Some(close.code), close.reason.clone(), ClosedBy::Us),
            (None, None) => match self.inner.queue.due_close() {
                Some(close) => (None, close.reason, ClosedBy::Us),
                None => return ending,
            },
        };
        let kind = if ending.closed.kind == ClosedBy::TimedOut && kind == ClosedBy::Us {
            ClosedBy::TimedOut
        } else {
            kind
        };
        let reason = if kind == ClosedBy::TimedOut { ending.closed.reason } else { reason };
        Ending { closed: Closed { code, reason, kind, clean: false }, farewell: false }
    }

    fn both_said_goodbye(&self) -> Closed {
        match (&self.goodbye, &self.heard_goodbye) {
            (Some(close), _) => Closed {
                code: Some(close.code),
                reason: close.reason.clone(),
                kind: ClosedBy::Us,
                clean: true,
            },
            (None, Some((code, reason))) => {
                Closed { code: *code, reason: reason.clone(), kind: ClosedBy::Peer, clean: true }
            }
            (None, None) => {
                let reason = "the connection was closed".to_owned();
                Closed { code: None, reason, kind: ClosedBy::Error, clean: false }
            }
        }
    }

    fn end(&mut self, closed: Closed) {
        self.receiver = None; // it may hold the connection, and the connection it
        self.inner.end(closed);
    }
}

/// A close frame has room for 123 bytes of reason.
fn cut(mut reason: String) -> String {
    let end = (0..=reason.len().min(123)).rev().find(|&end| reason.is_char_boundary(end));
    reason.truncate(end.unwrap_or_default());
    reason
}
