//! One session, from the peer's admission to its bot's end.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::loops::Seat;
use super::metrics::Metrics;
use super::sessions::Place;
use crate::websocket::Connection;

/// What became of a session's bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It came to its end.
    Completed,
    /// It raised.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It never began, because its loop is gone.
    Abandoned,
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::Completed, Self::Failed, Self::Cancelled, Self::Abandoned];

    /// As metrics have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The connections of the sessions that run.
#[derive(Default)]
pub(super) struct Running(Mutex<Vec<(u64, Connection)>>);

impl Running {
    fn table(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Connection)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connections(&self) -> Vec<Connection> {
        self.table().iter().map(|(_, connection)| connection.clone()).collect()
    }
}

/// What a session takes part in, and gives back when it is dropped.
pub(super) struct Share {
    pub(super) place: Place,
    pub(super) seat: Arc<Seat>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) running: Arc<Running>,
}

/// A session. Its place is free again when it is finished or dropped.
pub struct Session {
    /// Counts the sessions of a server, from 1.
    pub id: u64,
    /// The peer.
    pub connection: Connection,
    /// What the hook that let the peer in says of it.
    pub claims: Mutex<Option<Box<dyn Any + Send>>>,
    begun: Instant,
    outcome: AtomicUsize,
    share: Mutex<Option<Share>>,
}

impl Session {
    pub(super) fn begin(
        id: u64,
        connection: Connection,
        claims: Option<Box<dyn Any + Send>>,
        share: Share,
    ) -> Self {
        share.metrics.started();
        share.seat.sessions.fetch_add(1, Relaxed);
        share.running.table().push((id, connection.clone()));
        Self {
            id,
            connection,
            claims: Mutex::new(claims),
            begun: Instant::now(),
            outcome: AtomicUsize::new(Outcome::Abandoned as usize),
            share: Mutex::new(Some(share)),
        }
    }

    /// The bot has ended. Said once; later words are not heard.
    pub fn finish(&self, outcome: Outcome) {
        self.outcome.store(outcome as usize, Relaxed);
        self.give_back();
    }

    fn give_back(&self) {
        let share = self.share.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(share) = share else { return };
        let outcome = Outcome::ALL[self.outcome.load(Relaxed)];
        share.running.table().retain(|(id, _)| *id != self.id);
        share.metrics.finished(outcome, self.begun.elapsed(), &self.connection.stats());
        share.seat.sessions.fetch_sub(1, Relaxed);
        drop(share.place);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.give_back();
        if self.connection.is_open() {
            self.connection.close(1001, "the session is over");
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("connection", &self.connection).finish()
    }
}
