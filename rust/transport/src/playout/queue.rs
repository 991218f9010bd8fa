//! What waits for its turn: audio, and everything that keeps its place in it.

use std::collections::VecDeque;

use pipecat_engine::{Epoch, Frame, Host};
use tokio::time::Instant;

use super::cutter::Chunk;
use super::settings::Controls;

/// Changes how it is played from here on.
pub(super) type Call = Box<dyn FnOnce(&mut Controls) + Send>;
/// Called when all has been played.
pub(super) type Done = Box<dyn FnOnce() + Send>;

/// Something to be played, or done when all before has been.
pub(super) enum Item<H: Host> {
    Audio(Chunk),
    Frame(Frame<H>),
    Call(Call),
    /// The end of an utterance, passed on when its last audio has been heard.
    Utterance(Frame<H>),
    End(Done),
}

pub(super) struct Entry<H: Host> {
    pub(super) item: Item<H>,
    pub(super) interruptible: bool,
    pub(super) epoch: Epoch,
    /// When it was queued.
    pub(super) ready: Instant,
}

impl<H: Host> Entry<H> {
    /// Whether an interruption that begins `epoch` drops it.
    pub(super) fn is_stale(&self, epoch: Epoch) -> bool {
        self.interruptible && self.epoch.is_before(epoch)
    }

    fn audio_bytes(&self) -> usize {
        match &self.item {
            Item::Audio(chunk) => chunk.samples.len(),
            _ => 0,
        }
    }
}

/// The queue, which knows how much audio is in it.
pub(super) struct Queue<H: Host> {
    entries: VecDeque<Entry<H>>,
    audio_bytes: usize,
}

impl<H: Host> Queue<H> {
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), audio_bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn audio_bytes(&self) -> usize {
        self.audio_bytes
    }

    pub(super) fn push(&mut self, entry: Entry<H>) {
        self.audio_bytes += entry.audio_bytes();
        self.entries.push_back(entry);
    }

    pub(super) fn front(&self) -> Option<&Entry<H>> {
        self.entries.front()
    }

    pub(super) fn pop(&mut self) -> Option<Entry<H>> {
        let entry = self.entries.pop_front()?;
        self.audio_bytes -= entry.audio_bytes();
        Some(entry)
    }

    pub(super) fn drop_interruptible(&mut self) {
        self.entries.retain(|entry| !entry.interruptible);
        for entry in &mut self.entries {
            if let Item::Audio(chunk) = &mut entry.item {
                chunk.tag.silence(&mut chunk.samples, |_| true);
            }
        }
        self.audio_bytes = self.entries.iter().map(Entry::audio_bytes).sum();
    }
}
