//! All that a playout knows, and what comes into it. [`super::turn`] is what comes out.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use pipecat_engine::{Epoch, Frame, Host};
use tokio::time::Instant;

use super::audio::{PlayedAudio, Speech};
use super::cutter::{Chunk, Tag};
use super::queue::{Call, Done, Entry, Item, Queue};
use super::schedule::Schedule;
use super::settings::{Controls, PlayoutSettings};
use super::speech::BotSpeech;
use super::timed::TimedFrames;
use crate::lateness::Lateness;

/// What is to be told or done outside of the lock, in order.
pub(super) enum Effect<H: Host> {
    Push(Frame<H>),
    Played(PlayedAudio),
    Speech(Speech),
    Failed { what: String, fatal: bool },
    Call(Call),
    Done(Done),
}

/// What a chunk on its way to the sink is.
pub(super) enum Source {
    Audio(Tag),
    Background,
    EndSilence,
}

/// A chunk on its way to the sink.
pub(super) struct Outgoing {
    pub(super) samples: Bytes,
    pub(super) source: Source,
    /// When it is to be heard, and when to be written.
    pub(super) due: Instant,
    pub(super) write_at: Instant,
    /// How often the sink had no room for it.
    pub(super) refusals: u32,
    /// After which time without room the peer counts as gone.
    pub(super) give_up_at: Option<Instant>,
}

impl Outgoing {
    pub(super) fn new(samples: Bytes, source: Source, due: Instant, write_at: Instant) -> Self {
        Self { samples, source, due, write_at, refusals: 0, give_up_at: None }
    }

    /// Whether volume and background are still to be applied.
    pub(super) fn is_raw(&self) -> bool {
        self.refusals == 0 && !matches!(self.source, Source::EndSilence)
    }

    pub(super) fn is_interruptible(&self) -> bool {
        matches!(&self.source, Source::Audio(tag) if tag.interruptible)
    }

    /// Silence the parts that an interruption drops.
    pub(super) fn silence(&mut self, is_void: impl FnMut(Epoch) -> bool) {
        if let Source::Audio(tag) = &mut self.source {
            tag.silence(&mut self.samples, is_void);
        }
    }

    pub(super) fn is_stale(&self, epoch: Epoch) -> bool {
        matches!(&self.source, Source::Audio(tag) if tag.is_stale(epoch))
    }
}

/// The end, once its turn has come.
pub(super) struct Ending {
    pub(super) silence_bytes: usize,
    pub(super) done: Done,
}

/// All that a playout knows.
pub(super) struct State<H: Host> {
    pub(super) settings: PlayoutSettings,
    /// Whether something is written also while nothing is queued.
    pub(super) unbroken: bool,
    pub(super) silence: Bytes,
    pub(super) queue: Queue<H>,
    pub(super) timed: TimedFrames<H>,
    pub(super) schedule: Schedule,
    pub(super) speech: BotSpeech,
    pub(super) lateness: Arc<Lateness>,
    pub(super) effects: VecDeque<Effect<H>>,
    /// A chunk that the sink had no room for.
    pub(super) refused: Option<Outgoing>,
    /// The sink may have room since.
    pub(super) may_try_again: bool,
    pub(super) ending: Option<Ending>,
    pub(super) over: bool,
    /// The sink takes nothing any more.
    pub(super) gone: bool,
    /// The last write has failed, the last audio was too much: reported already.
    pub(super) failing: bool,
    pub(super) overflowing: bool,
    pub(super) interruptions: u64,
    pub(super) lulls: u64,
    /// The intake holds back audio that must be played.
    pub(super) lasting_held: bool,
    /// Until when the peer has audio that must be played.
    pub(super) lasting_until: Option<Instant>,
    pub(super) written: u64,
    pub(super) written_at: Option<Instant>,
    /// Set from outside, for the player to take.
    pub(super) volume: Option<f32>,
    pub(super) gain: Option<f32>,
}

/// What makes held-back audio void: see [`State::marks`].
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks {
    interruptions: u64,
    lulls: u64,
}

impl<H: Host> State<H> {
    pub(super) fn new(
        settings: PlayoutSettings,
        unbroken: bool,
        lateness: Arc<Lateness>,
        origin: Instant,
    ) -> Self {
        Self {
            unbroken,
            silence: vec![0; settings.chunk_bytes()].into(),
            queue: Queue::new(),
            timed: TimedFrames::new(),
            schedule: Schedule::new(settings.sample_rate, settings.lead, origin),
            speech: BotSpeech::new(&settings),
            lateness,
            effects: VecDeque::new(),
            refused: None,
            may_try_again: false,
            ending: None,
            over: false,
            gone: false,
            failing: false,
            overflowing: false,
            interruptions: 0,
            lulls: 0,
            lasting_held: false,
            lasting_until: None,
            written: 0,
            written_at: None,
            volume: None,
            gain: None,
            settings,
        }
    }

    // -- what comes in -----------------------------------------------------------------------

    /// How many interruptions and lulls there were. An utterance of which a part is held back is
    /// over when there is one more, and so are chunks on their way into the queue when there is
    /// one more interruption.
    pub(super) fn marks(&self) -> Marks {
        Marks { interruptions: self.interruptions, lulls: self.lulls }
    }

    /// Queue chunks that were cut when these were the marks. Whether the player is to be woken.
    pub(super) fn queue_audio(
        &mut self,
        chunks: impl IntoIterator<Item = Chunk>,
        marks: Marks,
        lasting_held: bool,
        now: Instant,
    ) -> bool {
        let was_empty = self.queue.is_empty();
        self.lasting_held = lasting_held;
        let most = self.settings.bytes_in(self.settings.max_queued);
        let interrupted = marks.interruptions != self.interruptions;
        for mut chunk in chunks {
            if self.over || self.gone || interrupted && chunk.tag.interruptible {
                continue;
            }
            chunk.tag.silence(&mut chunk.samples, |_| interrupted);
            if self.queue.audio_bytes() + chunk.samples.len() > most {
                self.overflow();
                return true;
            }
            self.overflowing = false;
            let (interruptible, epoch) = (chunk.tag.interruptible, chunk.tag.epoch);
            self.queue.push(Entry { item: Item::Audio(chunk), interruptible, epoch, ready: now });
        }
        was_empty && !self.queue.is_empty()
    }

    /// Queue anything else. Whether the player is to be woken; the item, if it is all over.
    pub(super) fn queue_item(
        &mut self,
        item: Item<H>,
        interruptible: bool,
        epoch: Epoch,
        now: Instant,
    ) -> Result<bool, Item<H>> {
        if self.over {
            return Err(item);
        }
        let was_empty = self.queue.is_empty();
        self.queue.push(Entry { item, interruptible, epoch, ready: now });
        Ok(was_empty)
    }

    /// Queue a frame for a time. Whether the player is to be woken.
    pub(super) fn queue_timed(
        &mut self,
        frame: Frame<H>,
        due: Instant,
        interruptible: bool,
        epoch: Epoch,
    ) -> bool {
        let is_next = self.timed.next_at().is_none_or(|next| due < next);
        if !self.over {
            self.timed.add(frame, due, interruptible, epoch);
        }
        is_next
    }

    /// Drop what an interruption may drop. Whether the sink is to forget what it has not sent: not
    /// if there is something in it that must be played.
    pub(super) fn interrupt(&mut self, now: Instant) -> bool {
        self.interruptions += 1;
        self.queue.drop_interruptible();
        self.timed.drop_interruptible();
        self.refused.take_if(|refused| refused.is_interruptible());
        if let Some(refused) = &mut self.refused {
            refused.silence(|_| true);
        }
        if !self.lasting_held && self.queued_bytes() == 0 {
            self.stop_speaking();
        }
        !self.over && self.lasting_until.is_none_or(|until| until <= now)
    }

    /// End at once. Gives back what was to be called at the end, which now is.
    pub(super) fn cancel(&mut self) -> Vec<Done> {
        self.over = true;
        let ending = self.ending.take().map(|ending| ending.done);
        let told = std::mem::take(&mut self.effects).into_iter().filter_map(|effect| match effect {
            Effect::Done(done) => Some(done),
            _ => None,
        });
        let mut calls: Vec<Done> = told.chain(ending).collect();
        while let Some(entry) = self.queue.pop() {
            if let Item::End(done) = entry.item {
                calls.push(done);
            }
        }
        self.refused = None;
        self.timed = TimedFrames::new();
        calls
    }

    /// What is to be told and done.
    pub(super) fn effects(&mut self) -> &mut VecDeque<Effect<H>> {
        &mut self.effects
    }

    /// Take over what was set from outside.
    pub(super) fn apply_settings(&mut self, controls: &mut Controls) {
        controls.volume = self.volume.take().unwrap_or(controls.volume);
        controls.gain = self.gain.take().unwrap_or(controls.gain);
    }

    /// How much audio waits.
    pub(super) fn queued_bytes(&self) -> usize {
        let refused = self.refused.as_ref().filter(|refused| matches!(refused.source, Source::Audio(_)));
        self.queue.audio_bytes() + refused.map_or(0, |refused| refused.samples.len())
    }

    pub(super) fn is_silent(&self) -> bool {
        self.queue.is_empty() && self.refused.is_none() && !self.speech.is_speaking()
    }

    pub(super) fn stop_speaking(&mut self) {
        if self.speech.stop() {
            self.effects.push_back(Effect::Speech(Speech::Stopped));
        }
    }

    fn overflow(&mut self) {
        if !std::mem::replace(&mut self.overflowing, true) {
            let what = format!(
                "more than {:?} of audio wait to be played: what came on top of it was dropped. \
                 Audio is made faster than it is heard; queue it in parts, or raise max_queued.",
                self.settings.max_queued
            );
            self.effects.push_back(Effect::Failed { what, fatal: false });
        }
    }
}
