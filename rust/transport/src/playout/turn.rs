//! Whose turn it is: the half of the state machine that the player drives.

use bytes::Bytes;
use pipecat_engine::{Epoch, Host};
use tokio::time::Instant;

use super::audio::{PlayedAudio, Speech};
use super::queue::Item;
use super::state::{Effect, Ending, Outgoing, Source, State};
use crate::lateness::Lateness;
use crate::sink::Refusal;

/// The player's next move, behind the effects.
pub(super) enum Next {
    /// Offer this to the sink, and say what became of it.
    Write(Outgoing),
    /// Perform the effects before anything more is written.
    Perform,
    /// There is nothing to do, if nothing comes in.
    Wait(Wait),
    /// It has ended.
    Over,
}

/// What ends a wait, besides something that comes in.
#[derive(Debug, Default)]
pub(super) struct Wait {
    pub(super) until: Option<Instant>,
    /// How often the sink has refused what waits for room in it.
    pub(super) refusals: u32,
}

impl Wait {
    fn no_longer_than(&mut self, until: Option<Instant>) {
        self.until = [self.until, until].into_iter().flatten().min();
    }
}

impl<H: Host> State<H> {
    /// Go on as far as possible. `epoch` is the task's.
    pub(super) fn next(&mut self, now: Instant, epoch: Epoch) -> Next {
        self.end_lull(now);
        loop {
            if self.over {
                return Next::Over;
            }
            self.pass_timed(now, epoch);
            if let Some(next) = self.turn(now, epoch) {
                return next;
            }
        }
    }

    /// The sink may have room for what it refused.
    pub(super) fn try_again(&mut self) {
        self.may_try_again = true;
    }

    /// What became of a chunk that was to be written.
    pub(super) fn wrote(&mut self, mut chunk: Outgoing, result: Result<(), Refusal>, now: Instant) {
        let paced = !matches!(chunk.source, Source::EndSilence);
        if paced && chunk.refusals == 0 {
            let late = now.saturating_duration_since(chunk.write_at);
            self.lateness.record(late);
            Lateness::of_output().record(late);
        }
        let bytes = chunk.samples.len();
        match result {
            Ok(()) => {
                self.failing = false;
                self.written += 1;
                self.pass_time(&chunk, bytes, now);
                self.announce(chunk);
            }
            Err(Refusal::Full(samples)) => {
                chunk.samples = samples;
                chunk.refusals += 1;
                chunk.give_up_at.get_or_insert(now + self.settings.write_timeout);
                self.may_try_again = false;
                self.refused = Some(chunk);
            }
            Err(Refusal::Closed) => self.lose_sink(),
            Err(Refusal::Failed(what)) => {
                // One report for a row of failures: each chunk of a long answer would repeat it.
                if !std::mem::replace(&mut self.failing, true) {
                    self.effects.push_back(Effect::Failed { what, fatal: false });
                }
                self.pass_time(&chunk, bytes, now);
            }
        }
    }

    fn pass_time(&mut self, chunk: &Outgoing, bytes: usize, now: Instant) {
        self.written_at = Some(now);
        if !matches!(chunk.source, Source::EndSilence) {
            self.schedule.wrote(chunk.due, (bytes / self.settings.frame_bytes()) as u64);
        }
    }

    fn announce(&mut self, chunk: Outgoing) {
        let Source::Audio(tag) = chunk.source else { return };
        let heard = (chunk.due, chunk.due + self.settings.length_of(chunk.samples.len()));
        if !tag.interruptible {
            self.lasting_until = Some(heard.1);
        }
        let effects = &mut self.effects;
        let announce = |speech| effects.push_back(Effect::Speech(speech));
        self.speech.playing(tag.kind, &chunk.samples, heard, announce);
        let played = PlayedAudio { samples: chunk.samples, kind: tag.kind, context: tag.context };
        effects.push_back(Effect::Played(played));
    }

    /// One move. None: there may be another.
    fn turn(&mut self, now: Instant, epoch: Epoch) -> Option<Next> {
        self.refused.take_if(|refused| self.gone || refused.is_stale(epoch));
        if let Some(refused) = &self.refused {
            if refused.give_up_at.is_some_and(|at| at <= now) {
                self.give_up();
                return None;
            }
            if !self.may_try_again {
                return Some(self.wait(None));
            }
            return self.refused.take().map(Next::Write);
        }
        if self.ending.is_some() {
            return self.end(now);
        }
        let Some(entry) = self.queue.front() else {
            return Some(self.idle(now));
        };
        if entry.is_stale(epoch) {
            self.queue.pop();
            return None;
        }
        let mut write_at = now;
        let due = match &entry.item {
            Item::Frame(_) | Item::Call(_) => now,
            _ if self.gone => now,
            Item::Audio(_) => {
                let due = self.schedule.due(entry.ready);
                write_at = self.schedule.write_at(due, entry.ready);
                if write_at > now {
                    return Some(self.wait(Some(write_at)));
                }
                due
            }
            // The last chunk has been written, but its end has not been heard.
            Item::Utterance(_) | Item::End(_) => self.schedule.free_at().unwrap_or(now),
        };
        if !matches!(entry.item, Item::Audio(_)) && due > now {
            return Some(self.wait(Some(due)));
        }
        match self.queue.pop()?.item {
            Item::Audio(_) if self.gone => None,
            Item::Audio(chunk) => {
                Some(Next::Write(Outgoing::new(chunk.samples, Source::Audio(chunk.tag), due, write_at)))
            }
            Item::Frame(frame) => {
                self.effects.push_back(Effect::Push(frame));
                None
            }
            Item::Call(call) => {
                self.effects.push_back(Effect::Call(call));
                Some(Next::Perform)
            }
            Item::Utterance(frame) => {
                if self.speech.ends_with_utterance() {
                    self.stop_speaking();
                }
                self.effects.push_back(Effect::Push(frame));
                None
            }
            Item::End(done) => {
                let silence_bytes = self.settings.bytes_in(self.settings.end_silence);
                self.ending = Some(Ending { silence_bytes, done });
                None
            }
        }
    }

    /// Nothing is queued.
    fn idle(&mut self, now: Instant) -> Next {
        if !self.unbroken || self.gone {
            return self.wait(None);
        }
        // Background is there as soon as the chunk before it was written: so it has no pauses.
        let ready = self.written_at.unwrap_or(now);
        let due = self.schedule.due(ready);
        let write_at = self.schedule.write_at(due, ready);
        if write_at > now {
            return self.wait(Some(write_at));
        }
        Next::Write(Outgoing::new(self.silence.clone(), Source::Background, due, write_at))
    }

    fn end(&mut self, now: Instant) -> Option<Next> {
        let most = self.silence.len();
        let ending = self.ending.as_mut()?;
        if ending.silence_bytes > 0 && !self.gone {
            let bytes = ending.silence_bytes.min(most);
            ending.silence_bytes -= bytes;
            let silence: Bytes = self.silence.slice(..bytes);
            return Some(Next::Write(Outgoing::new(silence, Source::EndSilence, now, now)));
        }
        if self.timed.next_at().is_some() {
            return Some(self.wait(None));
        }
        let mut effects = std::mem::take(&mut self.effects);
        effects.extend(self.cancel().into_iter().map(Effect::Done));
        self.effects = effects;
        None
    }

    fn pass_timed(&mut self, now: Instant, epoch: Epoch) {
        // With nobody to hear anything an end waits for no word's time.
        let limit = (!(self.gone && self.ending.is_some())).then_some(now);
        while let Some(frame) = self.timed.take(limit, epoch) {
            self.effects.push_back(Effect::Push(frame));
        }
    }

    fn wait(&self, until: Option<Instant>) -> Next {
        let mut wait = Wait { until, refusals: 0 };
        wait.no_longer_than(self.timed.next_at());
        if self.queued_bytes() == 0 {
            wait.no_longer_than(self.speech.lull_at());
        }
        if let Some(refused) = &self.refused {
            wait.refusals = refused.refusals;
            wait.no_longer_than(refused.give_up_at);
        }
        Next::Wait(wait)
    }

    /// A bot of which no audio comes has stopped, and its utterance is over.
    fn end_lull(&mut self, now: Instant) {
        if self.queued_bytes() == 0 && self.speech.lull_at().is_some_and(|at| at <= now) {
            self.lulls += 1;
            self.stop_speaking();
        }
    }

    fn give_up(&mut self) {
        let what = format!(
            "writing audio took more than {:?}: the peer does not read any more. \
             Raise the write timeout if it is slow.",
            self.settings.write_timeout
        );
        self.effects.push_back(Effect::Failed { what, fatal: true });
        self.lose_sink();
    }

    /// Nobody hears anything any more: what is queued passes without a wait.
    fn lose_sink(&mut self) {
        self.gone = true;
        self.refused = None;
        if self.speech.stop() {
            self.effects.push_back(Effect::Speech(Speech::Stopped));
        }
    }
}
