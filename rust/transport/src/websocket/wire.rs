//! A wire format on a connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pipecat_rs_wire::{Audio, Incoming, Message, Serializer, WireError};

use super::closed::Closed;
use super::connection::{Connection, Receiver, SendError};
use crate::sink::{Refusal, Sink};

/// A serializer for both directions of a connection.
pub type SharedSerializer = Arc<Mutex<Box<dyn Serializer>>>;

/// Share a serializer.
#[must_use]
pub fn share(serializer: Box<dyn Serializer>) -> SharedSerializer {
    Arc::new(Mutex::new(serializer))
}

fn lock(serializer: &SharedSerializer) -> MutexGuard<'_, Box<dyn Serializer>> {
    serializer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays audio to the peer of a connection.
pub struct WireSink {
    connection: Connection,
    serializer: SharedSerializer,
    sample_rate: u32,
    channels: u32,
}

impl WireSink {
    /// A sink for audio of `sample_rate` Hz and `channels`.
    #[must_use]
    pub fn new(
        connection: Connection,
        serializer: SharedSerializer,
        sample_rate: u32,
        channels: u32,
    ) -> Self {
        Self { connection, serializer, sample_rate, channels }
    }

    /// Send what the serializer makes of itself: a mark, a message of the application. Nothing is
    /// sent if it makes nothing.
    ///
    /// # Errors
    /// If it cannot be queued.
    pub fn send_with(
        &self,
        make: impl FnOnce(&mut dyn Serializer) -> Option<Message>,
    ) -> Result<(), SendError> {
        // Queued under the lock: in the order in which the serializer made it.
        let mut serializer = lock(&self.serializer);
        make(serializer.as_mut()).map_or(Ok(()), |message| self.connection.send(message))
    }
}

impl Sink for WireSink {
    fn try_write(&self, chunk: Bytes) -> Result<(), Refusal> {
        let mut serializer = lock(&self.serializer);
        // Asked first: a serializer has state, and must not be given a chunk twice.
        if !self.connection.is_open() {
            return Err(Refusal::Closed);
        }
        if !self.connection.has_room() {
            return Err(Refusal::Full(chunk));
        }
        let audio = Audio { samples: chunk, sample_rate: self.sample_rate, channels: self.channels };
        let message = match serializer.audio(&audio) {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(()),
            Err(error) => return Err(Refusal::Failed(error.to_string())),
        };
        // In any case now: others may have filled the queue meanwhile, and this chunk is encoded.
        self.connection.push_audio(message).map_err(|_| Refusal::Closed)
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.connection.room())
    }

    fn interrupt(&self) {
        let mut serializer = lock(&self.serializer);
        self.connection.discard_queued();
        if let Some(message) = serializer.interruption() {
            let _closed_is_quiet_too = self.connection.send_urgent(message);
        }
    }
}

/// Takes what a peer says, in order, one call at a time. Nothing here may block.
pub trait Listener: Send + Sync + 'static {
    /// The peer said something.
    fn incoming(&self, incoming: Incoming);

    /// A message cannot be read. The next one may be.
    fn malformed(&self, error: WireError);

    /// The connection is over. Called once, and last.
    fn closed(&self, closed: Closed);
}

/// Reads messages as a format has them, and answers what the protocol wants answered.
pub struct WireReceiver {
    connection: Connection,
    serializer: SharedSerializer,
    listener: Arc<dyn Listener>,
}

impl WireReceiver {
    /// A receiver, for [`Connection::receive`] of the same connection.
    #[must_use]
    pub fn new(connection: Connection, serializer: SharedSerializer, listener: Arc<dyn Listener>) -> Self {
        Self { connection, serializer, listener }
    }
}

impl Receiver for WireReceiver {
    fn message(&self, message: Message) {
        let mut said = Vec::new();
        let decoded = lock(&self.serializer).decode(&message, &mut said);
        for incoming in said {
            match incoming {
                // Dropped if the peer does not read: more than that it does not deserve.
                Incoming::Reply(reply) => drop(self.connection.send(reply)),
                other => self.listener.incoming(other),
            }
        }
        if let Err(error) = decoded {
            self.listener.malformed(error);
        }
    }

    fn closed(&self, closed: Closed) {
        self.listener.closed(closed);
    }
}
