//! The handle that a transport holds.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipecat_engine::{Epoch, Frame, Host};
use pipecat_rs_audio::AudioError;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::audio::QueuedAudio;
use super::intake::Intake;
use super::outlet::{Background, Outlet};
use super::player::Player;
use super::queue::Item;
use super::settings::{Controls, PlayoutSettings};
use super::state::{Marks, State};
use crate::lateness::Lateness;
use crate::sink::Sink;

/// Where all playouts of the process count from when they make writes together.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What the handle and the player share.
pub(super) struct Shared<H: Host> {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) outlet: Arc<dyn Outlet<H>>,
    pub(super) wake: Notify,
    settings: PlayoutSettings,
    lateness: Arc<Lateness>,
    state: Mutex<State<H>>,
    /// Taken before the state, never after it: long audio is resampled without keeping the player.
    intake: Mutex<Intake>,
}

impl<H: Host> Shared<H> {
    pub(super) fn state(&self) -> MutexGuard<'_, State<H>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The intake, without what is void by now, and the marks by which that was told.
    fn intake(&self) -> (MutexGuard<'_, Intake>, Marks) {
        let mut intake = self.intake.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = self.state().marks();
        intake.catch_up(marks);
        (intake, marks)
    }

    fn wake_if(&self, needed: bool) {
        if needed {
            self.wake.notify_one();
        }
    }

    /// End an utterance, or everything, with this.
    fn end_with(&self, item: Item<H>, interruptible: bool) {
        let epoch = self.outlet.epoch();
        let (mut intake, marks) = self.intake();
        intake.end_stream();
        let full = std::iter::from_fn(|| intake.take()).collect::<Vec<_>>();
        let chunks = full.into_iter().chain(intake.rest());
        let now = Instant::now();
        let mut state = self.state();
        let woken = state.queue_audio(chunks, marks, false, now);
        let queued = state.queue_item(item, interruptible, epoch, now);
        drop(state);
        self.wake_if(woken || matches!(queued, Ok(true)));
        if let Err(Item::End(done)) = queued {
            done();
        }
    }

    pub(super) fn cancel(&self) {
        let done = self.state().cancel();
        self.wake.notify_one();
        done.into_iter().for_each(|done| done());
    }
}

/// Stops the player with the last handle.
struct Owner<H: Host>(Arc<Shared<H>>);

impl<H: Host> Drop for Owner<H> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Plays one destination of an output on a media thread. Cheap to clone; the last one that is
/// dropped ends it.
///
/// What is interruptible belongs to the epoch in which it was queued, audio to the one it was made
/// in: when that is over it is neither written nor passed on, even before [`interrupt`](Self::interrupt)
/// says so.
pub struct Playout<H: Host>(Arc<Owner<H>>);

impl<H: Host> Clone for Playout<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H: Host> Playout<H> {
    /// Start to play. With a background something is written all the time.
    pub fn start(
        runtime: Handle,
        settings: PlayoutSettings,
        sink: Arc<dyn Sink>,
        outlet: Arc<dyn Outlet<H>>,
        background: Option<Box<dyn Background>>,
    ) -> Self {
        let unbroken = settings.auto_silence || background.is_some();
        let volume = settings.volume;
        let lateness = Arc::<Lateness>::default();
        let shared = Arc::new(Shared {
            sink,
            outlet,
            wake: Notify::new(),
            state: Mutex::new(State::new(settings.clone(), unbroken, Arc::clone(&lateness), *ORIGIN)),
            intake: Mutex::new(Intake::new(&settings)),
            settings,
            lateness,
        });
        runtime.spawn(Player::new(Arc::clone(&shared), volume, background).run());
        Self(Arc::new(Owner(shared)))
    }

    fn shared(&self) -> &Shared<H> {
        &self.0.0
    }

    /// Queue audio of any length, rate and number of channels.
    ///
    /// # Errors
    /// If it is of a rate or has channels that cannot be converted; then nothing is queued.
    pub fn play_audio(&self, audio: QueuedAudio) -> Result<(), AudioError> {
        let shared = self.shared();
        let (mut intake, marks) = shared.intake();
        intake.push(audio)?;
        let chunks = std::iter::from_fn(|| intake.take()).collect::<Vec<_>>();
        let lasting = intake.holds_lasting();
        let woken = shared.state().queue_audio(chunks, marks, lasting, Instant::now());
        shared.wake_if(woken);
        Ok(())
    }

    /// Pass a frame on when all that was queued before it has been played.
    pub fn play_in_turn(&self, frame: Frame<H>, interruptible: bool) {
        self.queue(Item::Frame(frame), interruptible);
    }

    /// Make a call on the media thread when all that was queued before it has been played. It may
    /// change how the rest is played, and must not block.
    pub fn call_in_turn(&self, call: Box<dyn FnOnce(&mut Controls) + Send>, interruptible: bool) {
        self.queue(Item::Call(call), interruptible);
    }

    /// Pass a frame on at a time, whatever plays then. Frames of equal time keep their order.
    pub fn play_at(&self, frame: Frame<H>, due: Instant, interruptible: bool) {
        let shared = self.shared();
        let epoch = shared.outlet.epoch();
        let woken = shared.state().queue_timed(frame, due, interruptible, epoch);
        shared.wake_if(woken);
    }

    /// The utterance is over: what was held back of it is played as a last chunk. When that has
    /// been heard the bot stops speaking, if it spoke by a TTS, and the frame is passed on.
    pub fn end_utterance(&self, frame: Frame<H>, interruptible: bool) {
        self.shared().end_with(Item::Utterance(frame), interruptible);
    }

    /// Drop what an interruption may drop: queued and held-back audio, frames, calls, and what the
    /// sink has not sent. If no audio is left the bot stops speaking. Nothing that was dropped is
    /// written once this has returned.
    pub fn interrupt(&self) {
        let shared = self.shared();
        let mut state = shared.state();
        if state.interrupt(Instant::now()) {
            shared.sink.interrupt();
        }
        drop(state);
        shared.wake.notify_one();
    }

    /// Play all that is queued, and the silence at the end; pass on all frames that wait for their
    /// time; then call `done`, in any case and once. After that nothing is played.
    pub fn finish(&self, done: Box<dyn FnOnce() + Send>) {
        self.shared().end_with(Item::End(done), false);
    }

    /// Stop at once: nothing is written or passed on any more. Who waits for the end is called.
    pub fn cancel(&self) {
        self.shared().cancel();
    }

    /// Change the volume, a factor on the samples, from the next chunk on.
    pub fn set_volume(&self, volume: f32) {
        self.shared().state().volume = Some(volume);
    }

    /// Change the gain, a second factor, from the next chunk on.
    pub fn set_gain(&self, gain: f32) {
        self.shared().state().gain = Some(gain);
    }

    /// How late chunks were written, by the schedule.
    #[must_use]
    pub fn lateness(&self) -> Arc<Lateness> {
        Arc::clone(&self.shared().lateness)
    }

    /// Whether nothing plays and nothing is left to play.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.shared().state().is_silent()
    }

    /// How many chunks the sink has taken, with those of background and silence.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.shared().state().written
    }

    /// How long the audio that waits will play.
    #[must_use]
    pub fn queued(&self) -> Duration {
        let bytes = self.shared().state().queued_bytes();
        self.shared().settings.length_of(bytes)
    }

    fn queue(&self, item: Item<H>, interruptible: bool) {
        let shared = self.shared();
        let epoch: Epoch = shared.outlet.epoch();
        let queued = shared.state().queue_item(item, interruptible, epoch, Instant::now());
        shared.wake_if(matches!(queued, Ok(true)));
    }
}
