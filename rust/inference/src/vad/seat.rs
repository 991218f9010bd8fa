//! What the engine's thread keeps of a stream.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use pipecat_rs_audio::vad::{SpeechEvent, SpeechEvents, VadParams, VadState, VoiceFollower};

use super::line::Line;
use super::{ResetRule, VadRate};
use crate::InferenceError;

/// How a stream is listened to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectorParams {
    /// When a voice counts.
    pub vad: VadParams,
    /// Least audio from one activity to the next, in seconds.
    pub activity_secs: f64,
    /// Time without audio after which speech has stopped; none for never.
    pub idle_timeout: Option<Duration>,
}

impl Default for DetectorParams {
    fn default() -> Self {
        Self { vad: VadParams::default(), activity_secs: 0.2, idle_timeout: Some(Duration::from_secs(1)) }
    }
}

/// What a stream's listener is told, on the engine's thread.
#[derive(Debug, Clone)]
pub enum VoiceReport {
    /// Of the voice.
    Speech(SpeechEvent),
    /// The audio has ceased while somebody spoke, and so speech has stopped.
    Ceased,
    /// Everything that was handed over before this mark has been reported.
    Drained(u64),
    /// The network fails. Said once; its windows count as silence.
    Failed(InferenceError),
}

pub(super) type Listener = Box<dyn FnMut(VoiceReport) + Send>;

/// One stream's state.
pub(super) struct Seat<M> {
    pub(super) line: Arc<Line>,
    pub(super) memory: M,
    pub(super) rate: VadRate,
    params: DetectorParams,
    rule: ResetRule,
    voice: VoiceFollower,
    events: SpeechEvents,
    unsettled_samples: u64,
    has_failed: bool,
    listener: Option<Listener>,
}

impl<M> Seat<M> {
    pub(super) fn new(line: Arc<Line>, memory: M, params: DetectorParams, listener: Listener) -> Self {
        let rate = VadRate::Wide;
        Self {
            line,
            memory,
            rate,
            params,
            rule: ResetRule::default(),
            voice: follower(params.vad, rate),
            events: events(params.activity_secs, rate),
            unsettled_samples: 0,
            has_failed: false,
            listener: Some(listener),
        }
    }

    /// The windows behind this have another rate: the voice is followed anew, in speech or not.
    pub(super) fn set_rate(&mut self, rate: VadRate, memory: M) {
        if rate == self.rate {
            return;
        }
        self.rate = rate;
        self.memory = memory;
        self.rule = ResetRule::default();
        self.voice = follower(self.params.vad, rate);
        self.events.set_period(period(self.params.activity_secs, rate));
    }

    pub(super) fn set_params(&mut self, params: VadParams) {
        self.params.vad = params;
        self.voice.set_params(params);
    }

    /// Takes the network's answer to a window, and says whether it is to forget the stream.
    pub(super) fn heard(&mut self, samples: &[i16], confidence: f32, settles: bool) -> bool {
        let forgets = self.rule.heard(self.rate, confidence, self.voice.state() == VadState::Quiet);
        self.voice.follow(samples, f64::from(confidence));
        self.unsettled_samples += samples.len() as u64;
        if settles {
            let state = self.voice.settle();
            let told = self.events.settled(state, std::mem::take(&mut self.unsettled_samples));
            told.for_each(|event| self.tell(VoiceReport::Speech(event)));
        }
        forgets
    }

    pub(super) fn failed(&mut self, error: &InferenceError) {
        if !std::mem::replace(&mut self.has_failed, true) {
            self.tell(VoiceReport::Failed(error.clone()));
        }
    }

    /// When speech will have stopped unless audio comes, since the engine began.
    pub(super) fn idle_deadline(&self) -> Option<Duration> {
        let timeout = self.params.idle_timeout.filter(|_| self.events.is_speaking())?;
        Some(self.line.last_heard() + timeout)
    }

    pub(super) fn ceased(&mut self) {
        if self.events.ceased().is_some() {
            self.tell(VoiceReport::Ceased);
        }
    }

    /// A listener that panics is told no more.
    pub(super) fn tell(&mut self, report: VoiceReport) {
        let Some(listener) = &mut self.listener else { return };
        if catch_unwind(AssertUnwindSafe(|| listener(report))).is_err() {
            self.listener = None;
        }
    }
}

fn follower(params: VadParams, rate: VadRate) -> VoiceFollower {
    VoiceFollower::new(params, rate.hz(), rate.window()).expect("loudness is defined at both rates")
}

fn events(secs: f64, rate: VadRate) -> SpeechEvents {
    SpeechEvents::new(period(secs, rate))
}

fn period(secs: f64, rate: VadRate) -> u64 {
    (secs * f64::from(rate.hz())) as u64
}
