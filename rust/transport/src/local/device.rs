//! Devices of this machine, by cpal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Device, Error, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, StreamConfig,
    SupportedStreamConfigRange,
};

use super::DeviceInfo;
use super::converter::Format;
use super::device_error::DeviceError;
use super::loudspeaker::SpeakerFeed;
use super::microphone::MicrophoneFeed;

pub(super) use cpal::Stream;

/// Between two callbacks.
const PERIOD_MS: u32 = 20;
/// What devices and sound servers work at: they convert other rates for speed, and ours is the better
/// conversion.
const USUAL_RATE: u32 = 48_000;
/// A device that has given nothing but errors for this long is gone.
const GIVE_UP: Duration = Duration::from_secs(1);
/// Between two errors: a device in trouble is asked again at once.
const AGAIN: Duration = Duration::from_millis(5);

/// The machine's audio devices.
///
/// # Errors
/// If the system does not tell.
pub fn devices() -> Result<Vec<DeviceInfo>, DeviceError> {
    let info = |(index, device): (usize, Device)| DeviceInfo {
        index,
        name: name_of(&device),
        input: device.supports_input(),
        output: device.supports_output(),
    };
    Ok(all()?.into_iter().enumerate().map(info).collect())
}

/// A device, and how it is going to be used.
pub(super) struct Found {
    device: Device,
    name: String,
    samples: SampleFormat,
    format: Format,
}

pub(super) fn find_output(index: Option<usize>, wanted: Format) -> Result<Found, DeviceError> {
    let device = chosen(index, |host| host.default_output_device())?;
    let configs = device.supported_output_configs().map(Iterator::collect::<Vec<_>>);
    Found::new(device, configs, wanted)
}

pub(super) fn find_input(index: Option<usize>, wanted: Format) -> Result<Found, DeviceError> {
    let device = chosen(index, |host| host.default_input_device())?;
    let configs = device.supported_input_configs().map(Iterator::collect::<Vec<_>>);
    Found::new(device, configs, wanted)
}

fn chosen(
    index: Option<usize>,
    default: impl FnOnce(&cpal::Host) -> Option<Device>,
) -> Result<Device, DeviceError> {
    match index {
        None => default(&cpal::default_host()).ok_or(DeviceError::NoSuchDevice { index: 0, count: 0 }),
        Some(index) => {
            let mut devices = all()?;
            let count = devices.len();
            if index >= count {
                return Err(DeviceError::NoSuchDevice { index, count });
            }
            Ok(devices.swap_remove(index))
        }
    }
}

fn all() -> Result<Vec<Device>, DeviceError> {
    let devices = cpal::default_host().devices();
    devices.map(Iterator::collect).map_err(|error| refused("list", &error))
}

fn name_of(device: &Device) -> String {
    device.to_string()
}

fn refused(device: &str, error: &Error) -> DeviceError {
    DeviceError::Refused { device: device.to_owned(), why: error.to_string() }
}

impl Found {
    fn new(
        device: Device,
        configs: Result<Vec<SupportedStreamConfigRange>, Error>,
        wanted: Format,
    ) -> Result<Self, DeviceError> {
        let name = name_of(&device);
        let configs = configs.map_err(|error| refused(&name, &error))?;
        let best = configs.iter().filter(|config| rank(config).is_some()).min_by_key(|config| {
            let channels = u32::from(config.channels());
            (rate_of(config, wanted) != USUAL_RATE, channels != wanted.channels, rank(config))
        });
        let Some(best) = best else {
            return Err(DeviceError::Unsupported { device: name });
        };
        let format = Format { sample_rate: rate_of(best, wanted), channels: u32::from(best.channels()) };
        let samples = best.sample_format();
        Ok(Self { device, name, samples, format })
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Begin to play. `on_trouble` hears why the device is gone, or `None` for a gap.
    pub(super) fn play(
        self,
        feed: SpeakerFeed,
        on_trouble: impl FnMut(Option<String>) + Send + 'static,
    ) -> Result<Stream, DeviceError> {
        match self.samples {
            SampleFormat::I16 => self.play_as::<i16>(feed, on_trouble),
            SampleFormat::I32 => self.play_as::<i32>(feed, on_trouble),
            _ => self.play_as::<f32>(feed, on_trouble),
        }
    }

    /// Begin to record. `on_trouble` hears why the device is gone, or `None` for a gap.
    pub(super) fn record(
        self,
        feed: MicrophoneFeed,
        on_trouble: impl FnMut(Option<String>) + Send + 'static,
    ) -> Result<Stream, DeviceError> {
        match self.samples {
            SampleFormat::I16 => self.record_as::<i16>(feed, on_trouble),
            SampleFormat::I32 => self.record_as::<i32>(feed, on_trouble),
            _ => self.record_as::<f32>(feed, on_trouble),
        }
    }

    fn play_as<T: SizedSample + FromSample<i16>>(
        self,
        mut feed: SpeakerFeed,
        on_trouble: impl FnMut(Option<String>) + Send + 'static,
    ) -> Result<Stream, DeviceError> {
        // A second: no system has periods as long as that.
        let mut filled = vec![0; self.format.samples_in(1_000)];
        let health = Health::default();
        let working = health.clone();
        let fill = move |period: &mut [T], info: &cpal::OutputCallbackInfo| {
            working.works();
            let times = info.timestamp();
            let latency = times.playback.saturating_duration_since(times.callback);
            let most = filled.len();
            for period in period.chunks_mut(most) {
                let filled = &mut filled[..period.len()];
                feed.fill(filled, latency);
                period.iter_mut().zip(filled).for_each(|(to, from)| *to = T::from_sample(*from));
            }
        };
        let on_error = health.watch(on_trouble);
        let stream = self.device.build_output_stream::<T, _, _>(self.config(), fill, on_error, None);
        self.begun(stream)
    }

    fn record_as<T>(
        self,
        mut feed: MicrophoneFeed,
        on_trouble: impl FnMut(Option<String>) + Send + 'static,
    ) -> Result<Stream, DeviceError>
    where
        T: SizedSample,
        i16: FromSample<T>,
    {
        let mut recorded = vec![0_i16; self.format.samples_in(1_000)];
        let health = Health::default();
        let working = health.clone();
        let take = move |period: &[T], _: &cpal::InputCallbackInfo| {
            working.works();
            for period in period.chunks(recorded.len()) {
                let recorded = &mut recorded[..period.len()];
                recorded.iter_mut().zip(period).for_each(|(to, from)| *to = i16::from_sample(*from));
                feed.push(recorded);
            }
        };
        let on_error = health.watch(on_trouble);
        let stream = self.device.build_input_stream::<T, _, _>(self.config(), take, on_error, None);
        self.begun(stream)
    }

    fn config(&self) -> StreamConfig {
        StreamConfig {
            channels: self.format.channels as u16,
            sample_rate: self.format.sample_rate,
            buffer_size: BufferSize::Fixed(self.format.sample_rate * PERIOD_MS / 1000),
        }
    }

    fn begun(self, stream: Result<Stream, Error>) -> Result<Stream, DeviceError> {
        let stream = stream.map_err(|error| refused(&self.name, &error))?;
        stream.play().map_err(|error| refused(&self.name, &error))?;
        Ok(stream)
    }
}

/// Which sample format is liked better, of those that are understood; `None` for what is not.
fn rank(config: &SupportedStreamConfigRange) -> Option<u32> {
    if !matches!(config.channels(), 1 | 2) {
        return None;
    }
    match config.sample_format() {
        SampleFormat::I16 => Some(0),
        SampleFormat::F32 => Some(1),
        SampleFormat::I32 => Some(2),
        _ => None,
    }
}

fn rate_of(config: &SupportedStreamConfigRange, wanted: Format) -> u32 {
    let offered = [USUAL_RATE, wanted.sample_rate].into_iter().find(|&rate| config.contains_rate(rate));
    offered.unwrap_or(config.max_sample_rate())
}

/// Whether a device works: its callback and its errors, which come on one thread, one by one.
#[derive(Clone, Default)]
struct Health(Arc<AtomicBool>);

impl Health {
    fn works(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// What becomes of the device's errors.
    fn watch(self, mut on_trouble: impl FnMut(Option<String>)) -> impl FnMut(Error) {
        let mut failing_since = Instant::now();
        move |error| match error.kind() {
            ErrorKind::Xrun => on_trouble(None),
            // It goes on.
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
            ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated => {
                on_trouble(Some(error.to_string()));
            }
            // Sound servers have moments in which they cannot say how late they are.
            _ if self.0.swap(false, Ordering::Relaxed) => failing_since = Instant::now(),
            _ if failing_since.elapsed() < GIVE_UP => park_timeout(AGAIN),
            _ => {
                on_trouble(Some(error.to_string()));
                park_timeout(AGAIN);
            }
        }
    }
}
