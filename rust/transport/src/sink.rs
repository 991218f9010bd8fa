//! Where played audio goes: a connection, a loudspeaker, a test.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

/// Why a sink did not take a chunk.
#[derive(Debug)]
pub enum Refusal {
    /// There is no room now: the chunk comes back, to be tried again after [`Sink::room`].
    Full(Bytes),
    /// Nobody is there any more.
    Closed,
    /// This chunk cannot be sent, whatever one waits for.
    Failed(String),
}

/// Takes what is played, a chunk at a time, at the pace that it is played. Never waits: a peer that
/// does not read fills the sink, and whoever plays decides how long to bear with it.
pub trait Sink: Send + Sync + 'static {
    /// Take a chunk: 16-bit little-endian samples at the rate and channels that were agreed.
    ///
    /// # Errors
    /// If it is not taken.
    fn try_write(&self, chunk: Bytes) -> Result<(), Refusal>;

    /// Ready when there may be room again, or nobody is there any more.
    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// The user has interrupted: forget what was taken and not sent, and tell the peer to forget
    /// what it has not played.
    fn interrupt(&self);
}
