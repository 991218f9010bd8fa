//! From a playout to a device that plays.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rtrb::{Consumer, Producer, RingBuffer};

use super::converter::{Converter, Format, samples_of};
use super::device::{self, Stream};
use super::device_error::DeviceError;
use super::troubles::Troubles;
use crate::sink::{Refusal, Sink};

/// Room in the ring besides three chunks.
const ROOM_MS: u32 = 200;
/// Audio that comes this soon after the ring ran dry has left a gap in something.
const GAP_MS: u64 = 100;
/// An interruption takes the voice away in this time, not at once, which would click.
const FADE_MS: u32 = 5;
/// How often somebody who waits for room looks. A device's callback must not wake anybody.
const ROOM_PERIOD: Duration = Duration::from_millis(5);

#[derive(Debug)]
struct Shared {
    /// Samples before this one are not to be heard any more.
    void_before: AtomicU64,
    /// Frames of silence since the ring ran dry; far too many before the first sound and after an
    /// interruption, which leave no gap.
    dry_frames: AtomicU64,
    /// From a sample's way out of the ring until it is heard, in µs.
    latency_us: AtomicU64,
    troubles: Troubles,
}

struct Writer {
    samples: Producer<i16>,
    converter: Converter,
    input: Vec<i16>,
    converted: Vec<i16>,
    written: u64,
}

/// Plays on a device of this machine: a playout's [`Sink`].
///
/// The first samples after silence are held back for one period of the device, so that from then on
/// there is always one in hand.
pub struct Loudspeaker {
    shared: Arc<Shared>,
    writer: Mutex<Writer>,
    device: Format,
    stream: Mutex<Option<Stream>>,
}

impl Loudspeaker {
    /// Open a device, or the system's choice, for audio of a format in chunks of a length.
    /// `on_lost` is called from the device's thread if it goes away.
    ///
    /// # Errors
    /// If there is none, or it cannot play.
    pub fn open(
        index: Option<usize>,
        format: Format,
        chunk: Duration,
        on_lost: impl Fn(String) + Send + 'static,
    ) -> Result<Self, DeviceError> {
        let found = device::find_output(index, format)?;
        let (speaker, feed) = Self::pair(format, found.format(), chunk)?;
        let shared = Arc::clone(&speaker.shared);
        let stream = found.play(feed, move |lost| match lost {
            Some(why) if shared.troubles.lose(&why) => on_lost(why),
            Some(_) => {}
            None => shared.troubles.note(),
        })?;
        *speaker.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
        Ok(speaker)
    }

    /// A loudspeaker without a device: whoever has the feed is one.
    ///
    /// # Errors
    /// If the formats cannot be converted.
    pub fn pair(from: Format, device: Format, chunk: Duration) -> Result<(Self, SpeakerFeed), DeviceError> {
        let chunk_ms = chunk.as_millis() as u32;
        let (samples, consumer) = RingBuffer::new(device.samples_in(3 * chunk_ms + ROOM_MS));
        let shared = Arc::new(Shared {
            void_before: AtomicU64::new(0),
            dry_frames: AtomicU64::new(u64::MAX),
            latency_us: AtomicU64::new(0),
            troubles: Troubles::default(),
        });
        let converter = Converter::new(from, device)?;
        let writer = Writer { samples, converter, input: Vec::new(), converted: Vec::new(), written: 0 };
        let feed = SpeakerFeed {
            shared: Arc::clone(&shared),
            samples: consumer,
            device,
            read: 0,
            state: State::Dry,
        };
        Ok((Self { shared, writer: Mutex::new(writer), device, stream: Mutex::new(None) }, feed))
    }

    /// What the device takes.
    #[must_use]
    pub fn device_format(&self) -> Format {
        self.device
    }

    /// How often there were gaps in what was heard.
    #[must_use]
    pub fn underruns(&self) -> u64 {
        self.shared.troubles.count()
    }

    /// How long until all that was written has been heard.
    #[must_use]
    pub fn queued(&self) -> Duration {
        let writer = self.writer();
        let waiting = writer.samples.buffer().capacity() - writer.samples.slots();
        if waiting == 0 && self.shared.dry_frames.load(Ordering::Relaxed) == u64::MAX {
            return Duration::ZERO;
        }
        let latency = Duration::from_micros(self.shared.latency_us.load(Ordering::Relaxed));
        let frames = waiting / self.device.channels as usize;
        let silent = self.shared.dry_frames.load(Ordering::Relaxed);
        let heard = Duration::from_secs_f64(silent as f64 / f64::from(self.device.sample_rate));
        Duration::from_secs_f64(frames as f64 / f64::from(self.device.sample_rate))
            + latency.saturating_sub(heard)
    }

    /// Let the device go. What is left is not heard.
    pub fn close(&self) {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        if stream.is_some() {
            self.shared.troubles.lose("it has been closed");
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Loudspeaker {
    fn try_write(&self, chunk: Bytes) -> Result<(), Refusal> {
        if let Some(why) = self.shared.troubles.lost() {
            return Err(Refusal::Failed(format!("the loudspeaker is gone: {why}")));
        }
        let mut writer = self.writer();
        let writer = &mut *writer;
        let slots = writer.samples.slots();
        if writer.converter.most_of(chunk.len() / 2) > slots {
            return Err(Refusal::Full(chunk));
        }
        let silent = self.shared.dry_frames.load(Ordering::Acquire);
        if silent > 0 && slots == writer.samples.buffer().capacity() {
            // The end of what was said before does not belong before this.
            writer.converter.reset();
            if silent < u64::from(self.device.sample_rate) * GAP_MS / 1000 {
                self.shared.troubles.note();
            }
        }
        writer.input.clear();
        writer.input.extend(samples_of(&chunk));
        writer.converted.clear();
        writer.converter.process(&writer.input, &mut writer.converted);
        let (written, _) = writer.samples.push_partial_slice(&writer.converted);
        writer.written += written.len() as u64;
        Ok(())
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(ROOM_PERIOD))
    }

    fn interrupt(&self) {
        let mut writer = self.writer();
        writer.converter.reset();
        self.shared.void_before.store(writer.written, Ordering::Release);
    }
}

#[derive(Debug, PartialEq)]
enum State {
    /// There is nothing.
    Dry,
    /// There is something since the last period.
    Held,
    Playing,
}

/// The device's end of a loudspeaker.
#[derive(Debug)]
pub struct SpeakerFeed {
    shared: Arc<Shared>,
    samples: Consumer<i16>,
    device: Format,
    /// Samples taken out of the ring so far.
    read: u64,
    state: State,
}

impl SpeakerFeed {
    /// Fill one period, which is heard so much later. Never waits.
    pub fn fill(&mut self, period: &mut [i16], latency: Duration) {
        self.shared.latency_us.store(latency.as_micros() as u64, Ordering::Relaxed);
        let begin = self.drop_void(period);
        let rest = &mut period[begin..];
        let ready = self.samples.slots();
        if self.state != State::Playing {
            self.state = match self.state {
                _ if ready == 0 => State::Dry,
                State::Dry => State::Held,
                _ => State::Playing,
            };
        }
        if self.state != State::Playing {
            rest.fill(0);
            self.was_silent(rest.len());
            return;
        }
        let filled = self.take(ready, rest);
        if filled < rest.len() {
            rest[filled..].fill(0);
            self.state = State::Dry;
            self.shared.dry_frames.store(0, Ordering::Relaxed);
            self.was_silent(rest.len() - filled);
        } else {
            self.shared.dry_frames.store(0, Ordering::Release);
        }
    }

    fn was_silent(&self, samples: usize) {
        let before = self.shared.dry_frames.load(Ordering::Relaxed);
        let silent = before.saturating_add((samples / self.device.channels as usize) as u64);
        self.shared.dry_frames.store(silent, Ordering::Release);
    }

    /// Let go of what an interruption has made void; its beginning fades out, if it was heard.
    /// Says how many samples that takes.
    fn drop_void(&mut self, period: &mut [i16]) -> usize {
        let void = self.shared.void_before.load(Ordering::Acquire).saturating_sub(self.read);
        let stale = (void as usize).min(self.samples.slots());
        if stale == 0 {
            return 0;
        }
        let mut faded = 0;
        if self.state == State::Playing {
            let most = self.device.samples_in(FADE_MS).min(stale).min(period.len());
            faded = self.take(most, period);
            let channels = self.device.channels as usize;
            let frames = (faded / channels) as i32;
            for (at, frame) in period[..faded].chunks_exact_mut(channels).enumerate() {
                for sample in frame {
                    *sample = (i32::from(*sample) * (frames - at as i32) / (frames + 1)) as i16;
                }
            }
        }
        if let Ok(chunk) = self.samples.read_chunk(stale - faded) {
            chunk.commit_all();
            self.read += (stale - faded) as u64;
        }
        self.state = State::Dry;
        self.shared.dry_frames.store(u64::MAX, Ordering::Release);
        faded
    }

    fn take(&mut self, most: usize, room: &mut [i16]) -> usize {
        let most = most.min(room.len());
        let taken = self.samples.pop_partial_slice(&mut room[..most]).0.len();
        self.read += taken as u64;
        taken
    }
}
