//! From a device that records to whoever listens.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rtrb::{Consumer, Producer, RingBuffer};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::converter::{Converter, Format};
use super::device::{self, Stream};
use super::device_error::DeviceError;
use super::troubles::Troubles;

/// Media threads that are late by this much lose nothing.
const ROOM_MS: u32 = 1_000;
/// How often samples are fetched. A device's callback must not wake anybody.
const PERIOD: Duration = Duration::from_millis(10);

/// Records from a device of this machine.
pub struct Microphone {
    troubles: Arc<Troubles>,
    device: Format,
    stream: Mutex<Option<Stream>>,
    /// Until somebody listens.
    reader: Mutex<Option<MicrophoneReader>>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

impl Microphone {
    /// Open a device, or the system's choice, to hear chunks of a format and a length. `on_lost` is
    /// called from the device's thread if it goes away.
    ///
    /// # Errors
    /// If there is none, or it cannot record.
    pub fn open(
        index: Option<usize>,
        format: Format,
        chunk: Duration,
        on_lost: impl Fn(String) + Send + 'static,
    ) -> Result<Self, DeviceError> {
        let found = device::find_input(index, format)?;
        let device = found.format();
        let (feed, reader) = MicrophoneFeed::pair(device, format, chunk)?;
        let troubles = Arc::clone(&feed.troubles);
        let noted = Arc::clone(&troubles);
        let stream = found.record(feed, move |lost| match lost {
            Some(why) if noted.lose(&why) => on_lost(why),
            Some(_) => {}
            None => noted.note(),
        })?;
        Ok(Self {
            troubles,
            device,
            stream: Mutex::new(Some(stream)),
            reader: Mutex::new(Some(reader)),
            listening: Mutex::new(None),
        })
    }

    /// What the device gives.
    #[must_use]
    pub fn device_format(&self) -> Format {
        self.device
    }

    /// How often samples were lost.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        self.troubles.count()
    }

    /// Why it hears nothing any more.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        self.troubles.lost()
    }

    /// Hear from now on, until it is closed: what was said before is not heard. The first listener
    /// stays the only one.
    pub fn listen(&self, runtime: &Handle, mut heard: impl FnMut(Bytes) + Send + 'static) {
        let Some(mut reader) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let listening = runtime.spawn(async move {
            reader.skip();
            let mut fetch = interval(PERIOD);
            fetch.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                fetch.tick().await;
                reader.read(&mut heard);
            }
        });
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner) = Some(listening);
    }

    /// Let the device go. Nothing more is heard.
    pub fn close(&self) {
        if let Some(listening) = self.listening.lock().unwrap_or_else(PoisonError::into_inner).take() {
            listening.abort();
        }
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        if stream.is_some() {
            self.troubles.lose("it has been closed");
        }
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.close();
    }
}

/// The device's end of a microphone.
#[derive(Debug)]
pub struct MicrophoneFeed {
    samples: Producer<i16>,
    troubles: Arc<Troubles>,
    channels: usize,
}

impl MicrophoneFeed {
    /// Both ends: what a device of one format records is read in chunks of another.
    ///
    /// # Errors
    /// If the formats cannot be converted.
    pub fn pair(
        device: Format,
        to: Format,
        chunk: Duration,
    ) -> Result<(Self, MicrophoneReader), DeviceError> {
        let (samples, consumer) = RingBuffer::new(device.samples_in(ROOM_MS));
        let feed = Self { samples, troubles: Arc::default(), channels: device.channels as usize };
        let reader = MicrophoneReader {
            samples: consumer,
            converter: Converter::new(device, to)?,
            recorded: Vec::new(),
            waiting: Vec::new(),
            chunk: to.samples_in(chunk.as_millis() as u32).max(to.channels as usize),
        };
        Ok((feed, reader))
    }

    /// Take what was recorded. Never waits: what finds no room is lost, and counted.
    pub fn push(&mut self, recorded: &[i16]) {
        let room = self.samples.slots();
        let whole = room.min(recorded.len()) / self.channels * self.channels;
        let taken = self.samples.push_partial_slice(&recorded[..whole]).0.len();
        if taken < recorded.len() {
            self.troubles.note();
        }
    }

    /// How often samples were lost.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        self.troubles.count()
    }
}

/// The listener's end of a microphone.
pub struct MicrophoneReader {
    samples: Consumer<i16>,
    converter: Converter,
    recorded: Vec<i16>,
    waiting: Vec<i16>,
    /// Samples in a chunk.
    chunk: usize,
}

impl MicrophoneReader {
    /// Hand over each whole chunk of what has been recorded.
    pub fn read(&mut self, mut heard: impl FnMut(Bytes)) {
        self.recorded.resize(self.samples.slots(), 0);
        let recorded = self.samples.pop_partial_slice(&mut self.recorded).0.len();
        self.converter.process(&self.recorded[..recorded], &mut self.waiting);
        let whole = self.waiting.len() / self.chunk * self.chunk;
        for chunk in self.waiting[..whole].chunks_exact(self.chunk) {
            heard(chunk.iter().flat_map(|sample| sample.to_le_bytes()).collect());
        }
        self.waiting.drain(..whole);
    }

    /// Forget what has been recorded so far.
    pub fn skip(&mut self) {
        let waiting = self.samples.slots();
        if let Ok(chunk) = self.samples.read_chunk(waiting) {
            chunk.commit_all();
        }
        self.converter.reset();
        self.waiting.clear();
    }
}
