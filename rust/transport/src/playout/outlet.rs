//! What a playout tells its owner, and what it mixes in.

use pipecat_engine::{Epoch, Frame, Host};

use super::audio::{PlayedAudio, Speech};

/// The owner of a playout. Called on a media thread, in order and without a lock held; must not
/// block.
pub trait Outlet<H: Host>: Send + Sync + 'static {
    /// A frame's turn or time has come.
    fn push(&self, frame: Frame<H>);

    /// The sink has taken a chunk of what was queued: neither background nor silence.
    fn played(&self, audio: PlayedAudio);

    /// What the bot's voice does, by what was written.
    fn speech(&self, speech: Speech);

    /// The task's epoch now. Asked before each write, with the playout's lock held.
    fn epoch(&self) -> Epoch;

    /// A chunk was not written, told once for a row of them; `fatal` if nothing will be any more.
    fn failed(&self, what: String, fatal: bool);
}

/// Sound behind all that is played, also while nothing is.
pub trait Background: Send {
    /// Mix the next of it into a chunk, interleaved at the playout's rate and channels.
    fn mix(&mut self, chunk: &mut [i16]);
}
