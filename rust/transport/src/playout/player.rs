//! The task that plays: it tells the state machine the time, writes, and tells the outlet.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use pipecat_engine::Host;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::handle::Shared;
use super::intake::to_bytes;
use super::outlet::Background;
use super::settings::Controls;
use super::state::{Effect, Outgoing};
use super::turn::{Next, Wait};

/// A sink that says it has room and has none is asked no more often than this.
const REFUSED_AGAIN: Duration = Duration::from_millis(1);

/// What plays, and what only it needs.
pub(super) struct Player<H: Host> {
    shared: Arc<Shared<H>>,
    controls: Controls,
    background: Option<Box<dyn Background>>,
    samples: Vec<i16>,
    effects: VecDeque<Effect<H>>,
}

impl<H: Host> Player<H> {
    pub(super) fn new(shared: Arc<Shared<H>>, volume: f32, background: Option<Box<dyn Background>>) -> Self {
        let controls = Controls { volume, gain: 1.0 };
        Self { shared, controls, background, samples: Vec::new(), effects: VecDeque::new() }
    }

    pub(super) async fn run(mut self) {
        let mut timer = pin!(sleep_until(Instant::now()));
        loop {
            let next = self.advance();
            self.perform();
            match next {
                Next::Over => return,
                Next::Wait(until) => wait(&self.shared, until, timer.as_mut()).await,
                Next::Write(_) | Next::Perform => {}
            }
        }
    }

    /// Write all that is due, up to something that must be told first.
    fn advance(&mut self) -> Next {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        let next = loop {
            state.apply_settings(&mut self.controls);
            let now = Instant::now();
            let epoch = shared.outlet.epoch();
            match state.next(now, epoch) {
                Next::Write(mut chunk) => {
                    chunk.silence(|of| of.is_before(epoch));
                    if chunk.is_raw() {
                        self.finish_chunk(&mut chunk);
                    }
                    let result = shared.sink.try_write(chunk.samples.clone());
                    state.wrote(chunk, result, now);
                }
                next => break next,
            }
        };
        std::mem::swap(state.effects(), &mut self.effects);
        next
    }

    fn perform(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Push(frame) => self.shared.outlet.push(frame),
                Effect::Played(audio) => self.shared.outlet.played(audio),
                Effect::Speech(speech) => self.shared.outlet.speech(speech),
                Effect::Failed { what, fatal } => self.shared.outlet.failed(what, fatal),
                Effect::Call(call) => call(&mut self.controls),
                Effect::Done(done) => done(),
            }
        }
    }

    /// Apply volume and background.
    fn finish_chunk(&mut self, chunk: &mut Outgoing) {
        let factor = self.controls.factor();
        if factor == 1.0 && self.background.is_none() {
            return;
        }
        let samples = chunk.samples.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        self.samples.clear();
        // Towards zero, as Python's `scale_audio` does. The cast saturates.
        self.samples.extend(samples.map(|sample| (f32::from(sample) * factor) as i16));
        if let Some(background) = &mut self.background {
            background.mix(&mut self.samples);
        }
        chunk.samples = to_bytes(&self.samples);
    }
}

/// A runtime that shuts down, an outlet that panics: whoever waits for the end is told all the same.
impl<H: Host> Drop for Player<H> {
    fn drop(&mut self) {
        self.shared.cancel();
    }
}

async fn wait<H: Host>(shared: &Shared<H>, wait: Wait, mut timer: Pin<&mut Sleep>) {
    if let Some(until) = wait.until {
        timer.as_mut().reset(until);
    }
    let room = async {
        if wait.refusals > 1 {
            sleep(REFUSED_AGAIN).await;
        }
        shared.sink.room().await;
    };
    tokio::select! {
        biased;
        () = shared.wake.notified() => {}
        () = timer, if wait.until.is_some() => {}
        () = room, if wait.refusals > 0 => shared.state().try_again(),
    }
}
